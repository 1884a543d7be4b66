import createDebug from 'debug';

/** A log function of one component. `.enabled` guards expensive formatting. */
export interface Logger {
  (format: string, ...args: unknown[]): void;
  readonly enabled: boolean;
}

/** The logger of a component, shown with `DEBUG=flowring:*` or `DEBUG=flowring:COMPONENT`. */
export function createLogger(component: string): Logger {
  return createDebug(`flowring:${component}`);
}
