import { qosCubes } from '@flowring/common';
import type { ConfigValues, ControlMessage } from '@flowring/common';
import type { TestIrm } from './test-irm.ts';

export const PARAMS = { mplMs: 100, aMs: 10, rMs: 200, mtuBytes: 9_000 } as const;

/** An operational IPCP of a layer of the same name: its process id. */
export function bringUp(irm: TestIrm, layer: string, config?: ConfigValues, type = 'local'): number {
  irm.ask(0, { t: 'ipcp-create', ipcp: layer, type });
  const process = startChild(irm, layer);
  irm.ask(0, { t: 'ipcp-configure', ipcp: layer, layer, ...(config === undefined ? {} : { config }) });
  answerLast(irm, process);
  return process;
}

/** The IPCP's child starts and says hello. */
export function startChild(irm: TestIrm, name: string): number {
  const spawn = irm.effects.filter((effect) => effect.type === 'spawn-ipcp').at(-1)!;
  const token = `${name}-${spawn.child}`;
  irm.input({ type: 'child-started', child: spawn.child, pid: 9_000 + spawn.child, token });
  return irm.join({ kind: 'ipcp', token, program: 'ipcpd', path: '/bin/ipcpd', pid: 9_000 + spawn.child });
}

/** The IPCP answers the last thing it was asked. */
export function answerLast(irm: TestIrm, process: number, value?: unknown): void {
  const asked = irm
    .messages(process)
    .filter((message) => 'req' in message)
    .at(-1) as ControlMessage<'ipcp-query'>;
  irm.say(process, { t: 'ok', req: asked.req, ...(value === undefined ? {} : { value }) });
}

export function incoming(irm: TestIrm, process: number, id: number, name: string): void {
  irm.say(process, {
    t: 'ipcp-incoming',
    incoming: id,
    name,
    qos: qosCubes.raw,
    timeoutMs: 5_000,
    params: PARAMS,
  });
}
