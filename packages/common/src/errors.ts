/**
 * The one table of errors. `errno` is the O7s number where one exists (1000-1009), the POSIX number for
 * POSIX conditions, and 1100 upwards for ours. Rows are appended, never renumbered: the numbers travel.
 */
export const ERROR_TABLE = {
  FLOWRING_NOT_ALLOCATED: row(1000, 'error', false, 'the flow is not allocated (already deallocated?)'),
  FLOWRING_IPCP_TYPE: row(1001, 'error', false, 'unknown IPCP type; known types: local, udp, o7s-udp'),
  FLOWRING_IRMD_UNREACHABLE: row(1002, 'error', true, 'cannot reach the IRM daemon; start one with: irmd'),
  FLOWRING_IPCP: row(1003, 'error', true, 'the IPC process could not do it'),
  FLOWRING_IPCP_STATE: row(1004, 'error', false, 'the IPC process is not in a state that allows this'),
  FLOWRING_FLOW_DOWN: row(1005, 'error', false, 'the flow is down'),
  FLOWRING_PEER_GONE: row(1006, 'error', true, 'the peer died or fell silent'),
  FLOWRING_NAME_UNKNOWN: row(1007, 'error', true, 'no such name; create it with: irm name create NAME'),
  FLOWRING_CRYPT: row(1008, 'error', false, 'encryption failed'),
  FLOWRING_AUTH: row(1009, 'error', false, 'authentication failed'),

  FLOWRING_PERMISSION: row(1, 'error', false, 'not permitted'),
  FLOWRING_BAD_DESCRIPTOR: row(9, 'error', false, 'not a flow descriptor'),
  FLOWRING_WOULD_BLOCK: row(11, 'warn', true, 'the call would block'),
  FLOWRING_NO_MEMORY: row(12, 'error', true, 'out of memory'),
  FLOWRING_INVALID_ARGUMENT: row(22, 'error', false, 'invalid argument'),
  FLOWRING_TOO_MANY: row(24, 'error', true, 'a limit on the number of objects was reached'),
  FLOWRING_MESSAGE_TOO_LARGE: row(90, 'error', false, 'the message is larger than the flow carries'),
  FLOWRING_NOT_SUPPORTED: row(95, 'error', false, 'not supported'),
  FLOWRING_ADDRESS_IN_USE: row(98, 'error', true, 'the address and port are in use'),
  FLOWRING_ADDRESS_NOT_AVAILABLE: row(99, 'error', true, 'this host does not have the address'),
  FLOWRING_TIMEOUT: row(110, 'error', true, 'timed out'),
  FLOWRING_ABORTED: row(125, 'warn', false, 'aborted by the caller'),

  FLOWRING_REFUSED: row(1100, 'error', true, 'the peer refused the flow'),
  FLOWRING_NO_ACCEPTOR: row(1101, 'error', true, 'the name exists, but no process accepts flows for it'),
  FLOWRING_VERSION: row(
    1102,
    'error',
    false,
    'the daemon speaks another protocol version; upgrade one of the two',
  ),
  FLOWRING_ALREADY_RUNNING: row(1103, 'error', false, 'an IRM daemon already runs in this directory'),
  FLOWRING_PROTOCOL: row(1104, 'error', false, 'a malformed or unexpected control message'),
  FLOWRING_EXISTS: row(1105, 'error', false, 'an object of that name already exists'),
  FLOWRING_NOT_FOUND: row(1106, 'error', false, 'no such object'),
  FLOWRING_LAYER_UNKNOWN: row(1107, 'error', true, 'no such layer; list them with: irm ipcp list'),
  FLOWRING_UNREACHABLE_NAME: row(1108, 'error', true, 'no layer on this host knows the name'),
  FLOWRING_BAD_QOS: row(1109, 'error', false, 'not a valid QoS specification'),
  FLOWRING_CHANNEL: row(1110, 'error', true, 'the channel to the peer could not be opened or broke'),
  FLOWRING_UNACKED: row(1111, 'error', false, 'deallocated before the peer acknowledged every message'),
  FLOWRING_SPAWN: row(1112, 'error', true, 'the program could not be started'),
  FLOWRING_RUNTIME_DIR: row(1113, 'fatal', false, 'the runtime directory is unusable'),
  FLOWRING_CONFIG: row(1114, 'fatal', false, 'the configuration is invalid'),
  FLOWRING_INTERNAL: row(1115, 'fatal', false, 'an internal error; please report it'),
  FLOWRING_DIRECTORY: row(1116, 'error', true, 'the directory of the layer does not answer'),
  FLOWRING_UNKNOWN_CODE: row(1199, 'error', false, 'the peer reported an error this version does not know'),
} as const satisfies Record<string, ErrorRow>;

/** `fatal`: stop; `error`: the operation failed; `warn`: expected in normal use. */
export type ErrorCategory = 'fatal' | 'error' | 'warn';

export interface ErrorRow {
  readonly errno: number;
  readonly category: ErrorCategory;
  /** Whether the same call may succeed later without a change by the caller. */
  readonly retryable: boolean;
  readonly message: string;
}

export type ErrorCode = keyof typeof ERROR_TABLE;

/** What a program may want to know beside the code: ids, names, limits, elapsed times. Plain values only. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean | null>>;

export interface FlowringErrorOptions {
  /** Replaces the table's sentence; say what was tried and what to do. */
  readonly message?: string;
  readonly details?: ErrorDetails;
  readonly cause?: unknown;
}

const BRAND: unique symbol = Symbol.for('flowring.error') as never;

/** The one error class of the public API. Test it with {@link isFlowringError}, not with `instanceof`. */
export class FlowringError extends Error {
  override readonly name = 'FlowringError';
  readonly code: ErrorCode;
  /** The number C programs see: O7s, POSIX, or 1100 and up. Positive. */
  readonly errno: number;
  readonly category: ErrorCategory;
  readonly retryable: boolean;
  readonly details: ErrorDetails;
  readonly [BRAND] = true;

  constructor(code: ErrorCode, options: FlowringErrorOptions = {}) {
    const { errno, category, retryable, message } = ERROR_TABLE[code];
    super(options.message ?? message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.errno = errno;
    this.category = category;
    this.retryable = retryable;
    this.details = options.details ?? {};
  }
}

/** True for a FlowringError of any copy of this package; with `code`, only for that code. */
export function isFlowringError(value: unknown, code?: ErrorCode): value is FlowringError {
  if (typeof value !== 'object' || value === null || !(BRAND in value)) return false;
  return code === undefined || (value as FlowringError).code === code;
}

/** The code a peer sent as text; an unknown one becomes `FLOWRING_UNKNOWN_CODE`. */
export function toErrorCode(text: string): ErrorCode {
  return Object.hasOwn(ERROR_TABLE, text) ? (text as ErrorCode) : 'FLOWRING_UNKNOWN_CODE';
}

/** The row number of a code, as carried in one-byte-poor places such as the channel's end record. */
export function errnoOf(code: ErrorCode): number {
  return ERROR_TABLE[code].errno;
}

/** The code of a number; an unknown number becomes `FLOWRING_UNKNOWN_CODE`. */
export function codeOfErrno(errno: number): ErrorCode {
  return CODE_BY_ERRNO.get(errno) ?? 'FLOWRING_UNKNOWN_CODE';
}

const CODE_BY_ERRNO: ReadonlyMap<number, ErrorCode> = new Map(
  (Object.keys(ERROR_TABLE) as ErrorCode[]).map((code) => [ERROR_TABLE[code].errno, code]),
);

function row(errno: number, category: ErrorCategory, retryable: boolean, message: string): ErrorRow {
  return { errno, category, retryable, message };
}
