/** A flow endpoint at one IRMd: u32, never 0, not reused while its endpoint exists. */
export type FlowId = number;

/** A registered process at one IRMd: u32 counter, never reused. */
export type ProcessId = number;

/** A channel between two processes of one host: u32 counter, never reused by one IRMd. */
export type ChannelId = number;

/** A control request of one process: u32 counter. */
export type RequestId = number;
