export type { Daemon, DaemonOptions } from './irm-daemon.ts';
export { startDaemon } from './irm-daemon.ts';
export type { FlowEvent, FlowState } from './core/flow-states.ts';
export { FLOW_TRANSITIONS, nextFlowState } from './core/flow-states.ts';
export type { Effect, Input, PidIdentity } from './core/inputs.ts';
export { IrmMachine } from './core/irm-machine.ts';
export type { IrmCounters } from './core/irm-state.ts';
export type { IrmSettings } from './core/settings.ts';
export { EXIT } from './exit-codes.ts';
