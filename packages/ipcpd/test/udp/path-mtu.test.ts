import { describe, expect, test } from '@jest/globals';
import { MTU_BASE_BYTES, MTU_LEAST_BYTES, PathMtu } from '../../src/core/udp/path-mtu.ts';

const SECOND = 1_000_000;

/** A path that carries so much, loses some, and answers after 20 ms. */
class TestPath {
  readonly mtu: PathMtu;
  carries: number;
  loss = 0;
  nowUs = 0;
  probes = 0;
  /** Data packets are being sent. */
  busy = false;
  #answers: { readonly atUs: number; readonly size: number }[] = [];
  #state = 1;

  constructor(max: number, carries: number) {
    this.mtu = new PathMtu(max, 0);
    this.carries = carries;
  }

  run(seconds: number, stop: () => boolean = () => false): void {
    const endUs = this.nowUs + seconds * SECOND;
    while (!stop()) {
      if (this.busy && !this.mtu.inUse) this.mtu.noteUse(this.nowUs);
      const atUs = Math.min(this.mtu.nextUs, this.#answers[0]?.atUs ?? Infinity);
      if (atUs > endUs) break;
      this.nowUs = Math.max(this.nowUs, atUs);
      const due = this.#answers.filter((one) => one.atUs <= this.nowUs);
      this.#answers = this.#answers.filter((one) => one.atUs > this.nowUs);
      for (const { size } of due) this.mtu.answered(size, this.nowUs);
      if (this.mtu.nextUs <= this.nowUs) this.#step();
    }
    if (!stop()) this.nowUs = endUs;
  }

  #step(): void {
    for (const size of this.mtu.step(this.nowUs).probes) {
      this.probes += 1;
      if (size <= this.carries && this.#draw() >= this.loss) {
        this.#answers.push({ atUs: this.nowUs + 20_000, size });
      }
    }
  }

  #draw(): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return this.#state / 2 ** 32;
  }
}

//= R-UDP-20
describe('the path MTU', () => {
  test('is what every path carries until a probe came back', () => {
    expect(new PathMtu(65_507, 0).bytes).toBe(MTU_BASE_BYTES);
    expect(new PathMtu(576, 0).bytes).toBe(576);
  });

  test('is what the interface carries after one probe where the path carries as much', () => {
    const path = new TestPath(65_507, 65_507);
    path.run(0.1);
    expect(path.mtu.bytes).toBe(65_507);
    expect(path.probes).toBe(1);
  });

  test.each([
    [1_472, 1_372, 1_372],
    [8_972, 1_472, 1_472],
    [65_507, 1_280, 1_232],
    [1_472, 1_200, 1_200],
  ])('of an interface of %i and a path of %i is found to be %i', (max, carries, found) => {
    const path = new TestPath(max, carries);
    path.run(20);
    expect(path.mtu.bytes).toBe(found);
  });

  test('is found with half of all probes lost', () => {
    const path = new TestPath(1_472, 1_472);
    path.loss = 0.5;
    path.busy = true;
    path.run(1_300, () => path.mtu.bytes === 1_472);
    expect(path.mtu.bytes).toBe(1_472);
  });

  //= R-UDP-21
  test('falls within 5 s when a used path silently carries less, and once more', () => {
    const path = new TestPath(1_472, 1_472);
    path.busy = true;
    path.run(3);
    path.carries = 1_252;
    const cutUs = path.nowUs;
    path.run(10, () => path.mtu.bytes <= 1_252);
    expect(path.mtu.bytes).toBe(MTU_BASE_BYTES);
    expect(path.nowUs - cutUs).toBeLessThan(5 * SECOND);
    path.run(10);
    expect(path.mtu.bytes).toBe(1_232);
    path.carries = 548;
    const againUs = path.nowUs;
    path.run(10, () => path.mtu.bytes <= 548);
    expect(path.mtu.bytes).toBe(MTU_LEAST_BYTES);
    expect(path.nowUs - againUs).toBeLessThan(5 * SECOND);
  });

  test('does not fall when nothing at all comes back', () => {
    const path = new TestPath(1_472, 1_472);
    path.busy = true;
    path.run(3);
    path.carries = 0;
    path.run(60);
    expect(path.mtu.bytes).toBe(1_472);
  });

  test('costs nothing but the search while nothing large is sent', () => {
    const path = new TestPath(1_472, 1_472);
    path.run(500);
    expect(path.probes).toBe(1);
  });

  test('obeys the host at once when it says that packets do not leave', () => {
    const path = new TestPath(1_472, 1_472);
    path.run(1);
    expect(path.mtu.limited(1_400, path.nowUs)).toBe(true);
    expect(path.mtu.bytes).toBe(1_400);
  });

  test('rises again when the path does', () => {
    const path = new TestPath(1_472, 1_252);
    path.run(20);
    path.carries = 1_472;
    path.busy = true;
    path.run(700);
    expect(path.mtu.bytes).toBe(1_472);
  });
});
