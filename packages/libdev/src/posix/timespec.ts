/** C's struct timespec. */
export interface Timespec {
  readonly tv_sec: number;
  readonly tv_nsec: number;
}

/** Stands for C's pointer to a result. */
export interface Out<T> {
  value?: T;
}

export function isTimespec(value: unknown): value is Timespec {
  if (typeof value !== 'object' || value === null) return false;
  const { tv_sec: seconds, tv_nsec: nanos } = value as Partial<Timespec>;
  return (
    typeof seconds === 'number' && seconds >= 0 && typeof nanos === 'number' && nanos >= 0 && nanos < 1e9
  );
}

export function toMs({ tv_sec, tv_nsec }: Timespec): number {
  return tv_sec * 1_000 + tv_nsec / 1e6;
}

export function fromMs(ms: number): Timespec {
  const seconds = Math.floor(ms / 1_000);
  return { tv_sec: seconds, tv_nsec: Math.round((ms - seconds * 1_000) * 1e6) };
}
