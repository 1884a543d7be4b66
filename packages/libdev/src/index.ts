import { application } from './process-application.ts';

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
  ReadIntoOptions,
  WaitOptions,
  WriteOutcome,
} from './flow-types.ts';

export { FlowSet } from './flow-set.ts';
export type { FlowSetEvents } from './flow-set.ts';
export { toDuplex } from './duplex.ts';
export type { FlowDuplexOptions } from './duplex.ts';

export const { flowAlloc, flowAccept, flowJoin, bind, unbind, shutdown } = application;
