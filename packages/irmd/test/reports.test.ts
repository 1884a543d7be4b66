import { describe, expect, test } from '@jest/globals';
import { qosCubes } from '@flowring/common';
import { TestIrm } from './support/test-irm.ts';
import { PARAMS, answerLast, bringUp } from './support/test-layer.ts';

interface Row {
  readonly flow: number;
}

/** An IRMd with one direct flow and one through the layer `net`, and the IPCP's process. */
function scene(): { irm: TestIrm; ipcp: number; remote: number } {
  const irm = new TestIrm();
  const ipcp = bringUp(irm, 'net', {}, 'udp');
  const [server, client] = [irm.join(), irm.join()];
  irm.accept(server, 'near', 1);
  irm.alloc(client, 1, 'near');
  irm.alloc(client, 2, 'far');
  answerLast(irm, ipcp, true);
  const { flow } = irm.of(ipcp, 'ipcp-alloc')[0]!;
  irm.say(ipcp, { t: 'ipcp-allocated', flow, qos: qosCubes.raw, params: PARAMS });
  return { irm, ipcp, remote: flow };
}

function listed(irm: TestIrm): readonly Row[] {
  return (irm.of(0, 'ok').at(-1)!.value as { rows: readonly Row[] }).rows;
}

describe('the list of flows', () => {
  test('asks the IPCP of flows to other hosts, and shows what it says', () => {
    const { irm, ipcp, remote } = scene();
    irm.ask(0, { t: 'flow-list' });
    expect(irm.of(ipcp, 'ipcp-flows')).toMatchObject([{ flows: [remote] }]);
    answerLast(irm, ipcp, [{ flow: remote, peer: '10.0.0.2:3436', rttMs: 2, loss: 0.01, heardMs: 5 }]);
    const rows = listed(irm);
    expect(rows.find((row) => row.flow === remote)).toMatchObject({
      layer: 'net',
      peer: '10.0.0.2:3436',
      rttMs: 2,
      loss: 0.01,
      heardMs: 5,
    });
    expect(rows.find((row) => row.flow !== remote)).toMatchObject({
      path: 'direct',
      peer: null,
      rttMs: null,
    });
  });

  test('comes without that when the IPCP does not answer, or dies', () => {
    const { irm, ipcp } = scene();
    irm.ask(0, { t: 'flow-list' });
    irm.advance(1_000);
    expect(listed(irm)).toHaveLength(2);
    irm.ask(0, { t: 'flow-list' });
    irm.gone(ipcp);
    expect(irm.of(0, 'ok').at(-1)!.value).toMatchObject({ rows: expect.any(Array) });
    expect(irm.machine.population.errands).toBe(0);
  });

  test('asks nobody when all flows are of this host', () => {
    const irm = new TestIrm();
    expect(irm.ask(0, { t: 'flow-list' })).toMatchObject({ value: { rows: [], next: null } });
  });
});

describe('the metrics', () => {
  test('are those of the IRMd and of every IPCP that answers', () => {
    const { irm, ipcp } = scene();
    bringUp(irm, 'mute', {}, 'udp');
    irm.ask(0, { t: 'metrics' });
    answerLast(irm, ipcp, { fa: { pdusSent: 3 } });
    irm.advance(1_000);
    expect(irm.of(0, 'ok').at(-1)!.value).toMatchObject({
      irmd: { flows: 2, allocated: 2 },
      ipcps: [{ ipcp: 'net', layer: 'net', type: 'udp', counters: { fa: { pdusSent: 3 } } }],
    });
  });
});
