import type { QosSpec } from '@flowring/common';
import { MANAGEMENT_EID } from './datagram.ts';
import { NAME_HASH_BYTES } from './name-hash.ts';
import { readQos, writeQos } from './qos-fields.ts';

/** Largest management datagram; a C IPCP copies a longer one over the end of its buffer. */
export const FRAME_MAX_BYTES = 2_048;
/** Fields of every management frame. A refusal is just these. */
export const FRAME_BYTES = 47;
/** Shortest flow request; a C IPCP reads a shorter one past its end. */
export const REQUEST_BYTES = FRAME_BYTES + NAME_HASH_BYTES;
/** Largest allocation header in a request and in a reply. */
export const OAP_MAX_BYTES = {
  request: FRAME_MAX_BYTES - REQUEST_BYTES,
  reply: FRAME_MAX_BYTES - FRAME_BYTES,
};

const CODE = { request: 1, reply: 2 };
const AT = { sEid: 4, dEid: 8, response: 12, code: 44 };

/** The two management frames there are; everything else of the layer is data. */
export type ManagementFrame = FlowRequest | FlowReply;

export interface FlowRequest {
  readonly t: 'request';
  /** The requester's endpoint id. */
  readonly sEid: number;
  readonly qos: QosSpec;
  /** MD5 of the name, 16 bytes. */
  readonly nameHash: Uint8Array;
  /** The allocation header, `OAP_MAX_BYTES.request` at most. */
  readonly oap: Uint8Array;
}

export interface FlowReply {
  readonly t: 'reply';
  /** The requester's endpoint id, given back. */
  readonly sEid: number;
  /** The responder's endpoint id; means nothing in a refusal. */
  readonly dEid: number;
  /** 0: accepted; else an errno, negated. Signed. */
  readonly response: number;
  /** The allocation header, `OAP_MAX_BYTES.reply` at most; empty in a refusal. */
  readonly oap: Uint8Array;
}

/** Why bytes are no management frame. */
export type FrameFault = 'runt' | 'oversize' | 'unknown-code' | 'not-management';

/** The datagram. `oap` must keep its bound. */
//= R-OUDP-05
export function encodeFrame(frame: ManagementFrame): Uint8Array {
  const isRequest = frame.t === 'request';
  const headBytes = isRequest ? REQUEST_BYTES : FRAME_BYTES;
  const out = new Uint8Array(headBytes + frame.oap.length);
  const view = new DataView(out.buffer);
  view.setUint32(AT.sEid, frame.sEid);
  view.setUint8(AT.code, CODE[frame.t]);
  if (isRequest) {
    writeQos(view, frame.qos);
    out.set(frame.nameHash, FRAME_BYTES);
  } else {
    view.setUint32(AT.dEid, frame.dEid);
    view.setInt32(AT.response, frame.response);
  }
  out.set(frame.oap, headBytes);
  return out;
}

/**
 * The frame in a whole datagram, or why there is none. Never throws; nothing in it refers to `bytes`. What a field
 * says that its frame does not use is ignored, as a C peer does.
 */
//= R-OUDP-05
export function decodeFrame(bytes: Uint8Array): ManagementFrame | FrameFault {
  if (bytes.length < FRAME_BYTES) return 'runt';
  if (bytes.length > FRAME_MAX_BYTES) return 'oversize';
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getUint32(0) !== MANAGEMENT_EID) return 'not-management';
  const sEid = view.getUint32(AT.sEid);
  switch (bytes[AT.code]) {
    case CODE.request: {
      if (bytes.length < REQUEST_BYTES) return 'runt';
      const nameHash = bytes.slice(FRAME_BYTES, REQUEST_BYTES);
      return { t: 'request', sEid, qos: readQos(view), nameHash, oap: bytes.slice(REQUEST_BYTES) };
    }
    case CODE.reply: {
      const dEid = view.getUint32(AT.dEid);
      const response = view.getInt32(AT.response);
      return { t: 'reply', sEid, dEid, response, oap: bytes.slice(FRAME_BYTES) };
    }
    default:
      return 'unknown-code';
  }
}
