import { describe, expect, test } from '@jest/globals';
import type { LoadBalancePolicy } from '@flowring/common';
import { TestIrm } from './support/test-irm.ts';

/** Twelve requests to three servers of five credits each; who got them, as letters. */
function spread(policy: LoadBalancePolicy): string {
  const irm = new TestIrm();
  const servers = [irm.join(), irm.join(), irm.join()];
  const client = irm.join();
  irm.ask(client, { t: 'name-create', name: 'n', policy });
  for (const server of servers) irm.accept(server, 'n', 5);
  for (let req = 1; req <= 12; req += 1) irm.alloc(client, req, 'n');
  return irm.sent
    .filter(({ message }) => message.t === 'offer')
    .map(({ process }) => 'ABC'[servers.indexOf(process)])
    .join('');
}

describe('load balancing', () => {
  test('round-robin takes each server in turn', () => {
    expect(spread('round-robin')).toBe('ABCABCABCABC');
  });

  test('spillover fills the first server before the next', () => {
    expect(spread('spillover')).toBe('AAAAABBBBBCC');
  });

  test('spillover returns to the first server as soon as it has credit again', () => {
    const irm = new TestIrm();
    const [first, second, client] = [irm.join(), irm.join(), irm.join()];
    irm.ask(client, { t: 'name-create', name: 'n', policy: 'spillover' });
    irm.accept(first, 'n', 1);
    irm.accept(second, 'n', 9);
    irm.alloc(client, 1, 'n');
    irm.alloc(client, 2, 'n');
    irm.accept(first, 'n', 1);
    irm.alloc(client, 3, 'n');
    expect([irm.of(first, 'offer').length, irm.of(second, 'offer').length]).toEqual([2, 1]);
  });

  test('least-flows takes the server with the fewest flows', () => {
    const irm = new TestIrm();
    const [busy, idle, client] = [irm.join(), irm.join(), irm.join()];
    irm.ask(client, { t: 'name-create', name: 'n', policy: 'least-flows' });
    irm.accept(busy, 'other', 5, { acceptor: 9 });
    for (let req = 1; req <= 3; req += 1) irm.alloc(client, req, 'other');
    irm.accept(busy, 'n', 5);
    irm.accept(idle, 'n', 5);
    for (let req = 4; req <= 6; req += 1) irm.alloc(client, req, 'n');
    expect(irm.of(idle, 'offer')).toHaveLength(3);
  });
});
