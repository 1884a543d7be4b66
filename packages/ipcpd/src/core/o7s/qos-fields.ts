import type { QosSpec } from '@flowring/common';

/** The QoS in a management frame: 28 bytes at offset 16, and two of the three behind them. */
const AT = {
  bandwidth: 16,
  delay: 24,
  loss: 28,
  ber: 32,
  maxGap: 36,
  timeout: 40,
  availability: 45,
  inOrder: 46,
};
const TWO_32 = 0x1_0000_0000;

/** "No bound": all bits on the wire, the largest exact integer here. */
const BANDWIDTH_MAX = Number.MAX_SAFE_INTEGER;

/**
 * The QoS to ask a C peer for. With `ber` 0 that peer demands a checksum on all it receives and puts none on its
 * acknowledgements and retransmissions, so no flow ever asks for it; the checksum of UDP is all there is.
 */
//= R-OUDP-07
export function requestableQos(qos: QosSpec): QosSpec {
  return qos.ber === 0 ? { ...qos, ber: 1 } : qos;
}

//= R-OUDP-06
export function writeQos(view: DataView, qos: QosSpec): void {
  const isUnbounded = qos.bandwidth >= BANDWIDTH_MAX;
  view.setUint32(AT.bandwidth, isUnbounded ? 0xffff_ffff : Math.floor(qos.bandwidth / TWO_32));
  view.setUint32(AT.bandwidth + 4, isUnbounded ? 0xffff_ffff : qos.bandwidth % TWO_32);
  view.setUint32(AT.delay, qos.delay);
  view.setUint32(AT.loss, qos.loss);
  view.setUint32(AT.ber, qos.ber);
  view.setUint32(AT.maxGap, qos.maxGap);
  view.setUint32(AT.timeout, qos.timeout);
  view.setUint8(AT.availability, qos.availability);
  view.setUint8(AT.inOrder, qos.inOrder);
}

/** Any bytes are a QoS: a bandwidth beyond 2^53 - 1 is that, and any `in_order` but 0 is order. */
//= R-OUDP-06
export function readQos(view: DataView): QosSpec {
  const bandwidth = view.getUint32(AT.bandwidth) * TWO_32 + view.getUint32(AT.bandwidth + 4);
  return {
    delay: view.getUint32(AT.delay),
    bandwidth: Math.min(BANDWIDTH_MAX, bandwidth),
    availability: view.getUint8(AT.availability),
    loss: view.getUint32(AT.loss),
    ber: view.getUint32(AT.ber),
    inOrder: view.getUint8(AT.inOrder) === 0 ? 0 : 1,
    maxGap: view.getUint32(AT.maxGap),
    timeout: view.getUint32(AT.timeout),
  };
}
