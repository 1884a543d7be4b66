/** A point on a monotonic clock, in whole microseconds since an epoch the caller chose. */
export type InstantUs = number & { readonly __unit?: 'us-instant' };

/** A span of time in whole microseconds. */
export type DurationUs = number & { readonly __unit?: 'us-duration' };
