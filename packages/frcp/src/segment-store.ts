import { SEGMENT_UNIT_BYTES, type Pci } from './pci.ts';

/** A PDU of which segments have arrived: its bytes, and a bit for each unit that is there. */
export class SegmentedPdu {
  readonly bytes: Uint8Array;
  readonly units: number;
  private readonly have: Uint8Array;
  private missingUnits: number;

  constructor(pduBytes: number) {
    this.bytes = new Uint8Array(pduBytes);
    this.units = this.missingUnits = Math.ceil(pduBytes / SEGMENT_UNIT_BYTES);
    this.have = new Uint8Array((this.missingUnits + 7) >>> 3);
  }

  get isWhole(): boolean {
    return this.missingUnits === 0;
  }

  /** The first unit from `unit` on that is missing, if `held`, else that is there; one past the last if none. */
  skip(unit: number, held: boolean): number {
    const all = held ? 0xff : 0;
    let at = unit;
    while (at < this.units) {
      const eight = this.have[at >>> 3]!;
      if (eight === all && (at & 7) === 0) at += 8;
      else if (((eight >>> (at & 7)) & 1) === (all & 1)) at++;
      else return at;
    }
    return this.units;
  }

  get missingBytes(): number {
    return this.missingUnits * SEGMENT_UNIT_BYTES;
  }

  /** False if all of it was there already. */
  add(buf: Uint8Array, pci: Pci): boolean {
    const before = this.missingUnits;
    const first = pci.segmentAt / SEGMENT_UNIT_BYTES;
    const units = Math.ceil((pci.dataEnd - pci.dataStart) / SEGMENT_UNIT_BYTES);
    for (let unit = first; unit < first + units; unit++) {
      const bit = 1 << (unit & 7);
      if ((this.have[unit >>> 3]! & bit) !== 0) continue;
      this.have[unit >>> 3]! |= bit;
      this.missingUnits--;
    }
    if (this.missingUnits === before) return false;
    this.bytes.set(buf.subarray(pci.dataStart, pci.dataEnd), pci.segmentAt);
    return true;
  }
}

/**
 * PDUs that come in segments because the lower flow became too narrow for them. Each takes its full size of the
 * granted window from its first segment on, so the window bounds the memory.
 */
export class SegmentStore {
  /** Bytes of all of them, whole. */
  heldBytes = 0;
  /** The segment that came last: index of its PDU, and its first byte. */
  recent = 0;
  recentAt = 0;
  private readonly pdus = new Map<number, SegmentedPdu>();

  get count(): number {
    return this.pdus.size;
  }

  /** Bytes of this PDU in {@link heldBytes}; 0 when none of its segments has come. */
  bytesOf(index: number): number {
    return this.pdus.get(index)?.bytes.length ?? 0;
  }

  partOf(index: number): SegmentedPdu | undefined {
    return this.pdus.get(index);
  }

  /** One past the highest index. */
  high(low: number): number {
    let high = low;
    for (const index of this.pdus.keys()) if (((index - high) | 0) >= 0) high = (index + 1) | 0;
    return high;
  }

  /** `whole`: call {@link take}. `new` and `known` say whether it had bytes that were missing. */
  add(index: number, buf: Uint8Array, pci: Pci): 'whole' | 'new' | 'known' | 'contradiction' {
    let pdu = this.pdus.get(index);
    if (pdu === undefined) {
      this.pdus.set(index, (pdu = new SegmentedPdu(pci.pduBytes)));
      this.heldBytes += pci.pduBytes;
    }
    if (pdu.bytes.length !== pci.pduBytes) return 'contradiction';
    this.recent = index;
    this.recentAt = pci.segmentAt;
    if (!pdu.add(buf, pci)) return 'known';
    return pdu.isWhole ? 'whole' : 'new';
  }

  /** Takes the bytes of a PDU out; for one that came whole otherwise, drops its segments. */
  take(index: number): Uint8Array | null {
    const pdu = this.pdus.get(index);
    if (pdu === undefined) return null;
    this.pdus.delete(index);
    this.heldBytes -= pdu.bytes.length;
    return pdu.bytes;
  }

  inspect(): Readonly<Record<string, number>> {
    let missingBytes = 0;
    for (const pdu of this.pdus.values()) missingBytes += pdu.missingBytes;
    return { pdus: this.count, heldBytes: this.heldBytes, missingBytes };
  }
}
