import type { ErrorCode } from '@flowring/common';
import { isFlowringError } from '@flowring/common';

/** The code a promise rejects with; `resolved` when it does not; fails on any other error. */
export async function codeOf(promise: Promise<unknown>): Promise<ErrorCode | 'resolved'> {
  try {
    await promise;
    return 'resolved';
  } catch (error) {
    if (isFlowringError(error)) return error.code;
    throw error;
  }
}
