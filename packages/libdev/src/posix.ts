/**
 * The names of O7s's C library (dev.h, fccntl.h, fqueue.h) over integer descriptors from 64, for ported programs.
 * Calls that may wait give a promise; each result is non-negative, or `-errno`; nothing throws or rejects.
 * A pointer to a result is an object that gets a `value`; a struct timespec is `{ tv_sec, tv_nsec }`; NULL is `null`.
 *
 * Where the C code and its man page disagree, this follows the man page; where both are bad, the better way:
 * - `flow_alloc`: without `timeo` it waits without bound (C: 20 s, then -EPERM); with one, the bound holds in every phase
 *   and gives -ETIMEDOUT. `qs` is not written: ask `FLOWGQOSSPEC`. No daemon is -EIRMD (C: -1 and a line on stdout).
 *   An unserved name is -1101 and a refusal -1100 or the peer's number (C: -EIPCP or a timeout).
 * - `flow_accept`: `qs` is not written either. It never fails for a client's fault, and survives the daemon's restart.
 * - `flow_read`: the rest of a long message really follows; a 0 marks the end of a message read in full exactly.
 *   A blocked read ends when the peer does. `FLOWFRNOBLOCK` does not stop at an empty message. A write-only flow gives
 *   -EPERM. Setting `FLOWFRNOPART` drops a pending mark.
 * - `flow_write`: a failure is reported: -EFLOWDOWN, -EFLOWPEER, -EAGAIN, -ETIMEDOUT; then nothing was sent. NULL with
 *   count 0 gives 0 and sends nothing.
 * - `flow_dealloc`: bounded; a reliable flow whose messages were not all acknowledged gives -1111 (C: 0). Range errors
 *   are -EBADF everywhere (C: -EINVAL, or a crash above 4095).
 * - `fccntl`: `FLOWFDOWN` and the access mode are this end's own affair: the peer is not told, and no spurious
 *   `FLOW_UP` is sent. Access mode 3 is -EINVAL. `FRCTSFLAGS` sets as well as clears `FRCTFLINGER`; changing the other
 *   two is -ENOTSUP.
 * - `fset_del` gives an int, as its man page says. Deallocating takes a flow out of its set. Any number of sets.
 * - `fevent`: level-triggered and bounded: a flow with messages is told again until read. `FLOW_DEALLOC` comes over
 *   every path. `fqueue_next` skips flows deallocated meanwhile; only -EPERM means the end.
 */
import { createPosixCalls } from './posix/calls.ts';
import { application } from './process-application.ts';

export * from './posix/constants.ts';
export type { FqueueT, FsetT, PosixCalls } from './posix/calls.ts';
export type { Out, Timespec } from './posix/timespec.ts';

export const {
  flow_alloc,
  flow_accept,
  flow_join,
  flow_dealloc,
  flow_read,
  flow_write,
  fccntl,
  fset_create,
  fset_destroy,
  fset_zero,
  fset_add,
  fset_del,
  fset_has,
  fqueue_create,
  fqueue_destroy,
  fqueue_next,
  fqueue_type,
  fevent,
} = createPosixCalls(application);
