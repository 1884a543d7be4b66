import { decodeControl, encodeControl, isFlowringError, type ControlMessage } from '@flowring/common';
import { parseConfig, requestsOf, type IrmConfig } from '../../../packages/irmd/src/adapters/config-file.ts';
import { demand, type FuzzTarget } from '../engine/target.ts';

const EXAMPLE = `[daemon]
stableMs = 10
backoffMaxMs = 20
[layers.home]
type = "local"
ipcp = "h"
[names.o]
policy = "least-flows"
register = ["home"]
[[names.o.programs]]
program = "/o"
auto = true
args = ["--listen"]
`;
const text = new TextDecoder();

function parsed(source: string): IrmConfig | null {
  try {
    return parseConfig(source);
  } catch (error) {
    if (isFlowringError(error) && error.code === 'FLOWRING_CONFIG') return null;
    throw error;
  }
}

export const target: FuzzTarget = {
  name: 'irm-config',
  about:
    'configuration files: only FLOWRING_CONFIG is thrown, and each request that follows is a control message',
  maxBytes: 500,
  isText: true,
  words: [
    '[names.a]\n',
    '[[names.a.programs]]\n',
    '[layers.a]\n',
    '"""',
    "'''",
    '__proto__',
    '\\u0000',
    '= [',
    '= {',
  ],
  seeds: [EXAMPLE, 'a.b = 1979-05-27T07:32:00Z\n', 'x = [0x1F, 1e9, -inf, nan]\n'].map((one) =>
    Uint8Array.from(Buffer.from(one)),
  ),
  run(input) {
    const config = parsed(text.decode(input));
    if (config === null) return;
    requestsOf(config).forEach((request, at) => {
      const message = { ...request, req: at } as ControlMessage;
      demand(decodeControl(encodeControl(message)) !== null, `no control message: ${request.t}`);
    });
    demand(Object.getPrototypeOf({}) === Object.prototype, 'a prototype was changed');
    demand(!('polluted' in {}), 'a prototype was changed');
  },
};
