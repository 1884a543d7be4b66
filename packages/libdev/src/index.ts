import type { Application } from './application.ts';
import { createApplication } from './application.ts';
import { ProcessEnvironment } from './process-environment.ts';
import { Runtime } from './runtime.ts';

export { FlowringError, isFlowringError, qosCubes } from '@flowring/common';
export type { ErrorCode, ErrorDetails, PeerInfo, QosCubeName, QosSpec } from '@flowring/common';
export type { Application, FlowAccept } from './application.ts';
export type { FlowAcceptOptions, FlowAcceptor, Incoming } from './acceptor.ts';
export type {
  CloseReason,
  DeallocOptions,
  Flow,
  FlowAllocOptions,
  FlowEvent,
  FlowEventType,
  FlowMode,
  FlowStats,
  WaitOptions,
  WriteOutcome,
} from './flow-types.ts';

export { FlowSet } from './flow-set.ts';
export type { FlowSetEvents } from './flow-set.ts';
export { toDuplex } from './duplex.ts';
export type { FlowDuplexOptions } from './duplex.ts';

/** The process's one runtime. It connects on the first call and lets the process end when nothing waits. */
const application: Application = createApplication(new Runtime(new ProcessEnvironment()));

export const { flowAlloc, flowAccept, flowJoin, bind, unbind, shutdown } = application;
