import { Context } from 'zeromq';

/**
 * The process's own zeromq context, made at first use. `blocky: false`: an undelivered message must not keep the
 * process from ending.
 */
export function zmqContext(): Context {
  context ??= new Context({ blocky: false });
  return context;
}

let context: Context | undefined;
