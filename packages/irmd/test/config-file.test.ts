import { describe, expect, test } from '@jest/globals';
import { parseConfig, requestsOf } from '../src/adapters/config-file.ts';

const EXAMPLE = `
[daemon]
acceptorGraceMs = 500
[layers.lo]
type = "local"
[names.oecho]
policy = "least-flows"
register = ["lo"]
[[names.oecho.programs]]
program = "/usr/bin/oecho"
auto = true
args = ["--listen"]
`;

describe('a configuration file', () => {
  test('becomes requests in an order that works', () => {
    expect(requestsOf(parseConfig(EXAMPLE))).toEqual([
      { t: 'ipcp-create', ipcp: 'lo', type: 'local' },
      { t: 'ipcp-configure', ipcp: 'lo', layer: 'lo' },
      { t: 'name-create', name: 'oecho', policy: 'least-flows' },
      { t: 'bind-program', name: 'oecho', program: '/usr/bin/oecho', auto: true, args: ['--listen'] },
      { t: 'name-register', name: 'oecho', layer: 'lo' },
    ]);
  });

  test('hands an IPCP what its layer type wants to know', () => {
    const text = `
[ipcps.a]
layer = "net"
type = "udp"
directory = "static"
names = { oecho = "10.0.0.2" }
`;
    expect(requestsOf(parseConfig(text, 'f', ['local', 'udp']))).toEqual([
      { t: 'ipcp-create', ipcp: 'a', type: 'udp' },
      {
        t: 'ipcp-configure',
        ipcp: 'a',
        layer: 'net',
        config: { directory: 'static', names: { oecho: '10.0.0.2' } },
      },
    ]);
  });

  test('sets the times it names', () => {
    expect(parseConfig(EXAMPLE).settings).toEqual({ acceptorGraceMs: 500 });
  });

  test.each([
    ['layer.lo.x = 1', 'layer'],
    ['[layers.lo]\ntype = "moon"', 'layers.lo.type'],
    ['[layers.lo]\ntyp = "local"', 'layers.lo.typ'],
    ['[ipcps.i]\ntype = "local"', 'ipcps.i.layer'],
    ['[layers.a]\n[ipcps.a]\nlayer = "b"', 'ipcps.a'],
    ['[names.n]\npolicy = 3', 'names.n.policy'],
    ['[names.n]\nregister = ["lo"]', 'names.n.register'],
    ['[[names.n.programs]]\nprogram = "oecho"', 'names.n.programs[0].program'],
    ['[daemon]\nacceptorGraceMs = -1', 'daemon.acceptorGraceMs'],
    ['[metrics]\nlisten = "9464"', 'metrics.listen'],
    ['[metrics]\nlisten = "localhost:70000"', 'metrics.listen'],
    ['[metrics]\nport = 1', 'metrics.port'],
    ['names = 3', 'names'],
  ])('that is wrong is refused, naming the key: %j', (text, key) => {
    expect(() => parseConfig(text)).toThrow(
      expect.objectContaining({ code: 'FLOWRING_CONFIG', details: expect.objectContaining({ key }) }),
    );
  });

  test.each([
    ['127.0.0.1:9464', { host: '127.0.0.1', port: 9_464 }],
    ['[::1]:80', { host: '::1', port: 80 }],
  ])('serves metrics where it says: %s', (listen, address) => {
    expect(parseConfig(`[metrics]\nlisten = "${listen}"`).metrics).toEqual(address);
  });

  test('that is not TOML is refused', () => {
    expect(() => parseConfig('= =')).toThrow(expect.objectContaining({ code: 'FLOWRING_CONFIG' }));
  });
});
