/** Commands of `fccntl`, with O7s's values (fccntl.h). S sets, G gets. */
export const FLOWSRCVTIMEO = 0o1;
export const FLOWGRCVTIMEO = 0o2;
export const FLOWSSNDTIMEO = 0o3;
export const FLOWGSNDTIMEO = 0o4;
export const FLOWGQOSSPEC = 0o5;
export const FLOWSFLAGS = 0o6;
export const FLOWGFLAGS = 0o7;
export const FLOWGRXQLEN = 0o10;
export const FLOWGTXQLEN = 0o11;
export const FRCTSFLAGS = 0o1000;
export const FRCTGFLAGS = 0o2000;

/** Flow flags. A new flow has `FLOWFRDWR | FLOWFWNOPART`. */
export const FLOWFRDONLY = 0o0;
export const FLOWFWRONLY = 0o1;
export const FLOWFRDWR = 0o2;
export const FLOWFACCMODE = 0o3;
export const FLOWFDOWN = 0o4;
export const FLOWFRNOBLOCK = 0o1000;
export const FLOWFWNOBLOCK = 0o2000;
export const FLOWFRNOPART = 0o10000;
export const FLOWFWNOPART = 0o20000;

/** Flags of FRCT: retransmission, resource control (flow control), linger. */
export const FRCTFRTX = 0o1;
export const FRCTFRESCNTL = 0o2;
export const FRCTFLINGER = 0o4;

/** Types of events. */
export const FLOW_PKT = 1;
export const FLOW_DOWN = 2;
export const FLOW_UP = 4;
export const FLOW_ALLOC = 8;
export const FLOW_DEALLOC = 16;
export const FLOW_PEER = 32;

/** Errors of O7s (errno.h); POSIX conditions have their POSIX numbers. */
export const ENOTALLOC = 1000;
export const EIPCPTYPE = 1001;
export const EIRMD = 1002;
export const EIPCP = 1003;
export const EIPCPSTATE = 1004;
export const EFLOWDOWN = 1005;
export const EFLOWPEER = 1006;
export const ENAME = 1007;
export const ECRYPT = 1008;
export const EAUTH = 1009;
export const EPERM = 1;
export const EBADF = 9;
export const EAGAIN = 11;
export const EINVAL = 22;
export const EMFILE = 24;
export const EMSGSIZE = 90;
export const ENOTSUP = 95;
export const ETIMEDOUT = 110;
