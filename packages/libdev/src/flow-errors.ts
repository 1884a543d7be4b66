import type { FlowId } from '@flowring/common';
import { FlowringError } from '@flowring/common';
import type { FlowMode } from './flow-types.ts';

/** After the own `dealloc` or `abort`. */
export function notAllocated(flow: FlowId): FlowringError {
  return new FlowringError('FLOWRING_NOT_ALLOCATED', { details: { flow } });
}

/** The wrong direction on a half-duplex flow. */
export function permission(mode: FlowMode): FlowringError {
  return new FlowringError('FLOWRING_PERMISSION', { message: `the flow is ${mode}`, details: { mode } });
}

export function messageTooLarge(flow: FlowId, messageBytes: number, maxBytes: number): FlowringError {
  return new FlowringError('FLOWRING_MESSAGE_TOO_LARGE', { details: { flow, messageBytes, maxBytes } });
}

export function invalid(message: string): FlowringError {
  return new FlowringError('FLOWRING_INVALID_ARGUMENT', { message });
}

export function checkTimeout(value: number | undefined): number | undefined {
  if (value === undefined || (typeof value === 'number' && value >= 0)) return value;
  throw invalid('a timeout is a number of milliseconds, not negative');
}
