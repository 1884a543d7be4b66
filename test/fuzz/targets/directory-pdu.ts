import { LIMITS } from '@flowring/common';
import {
  decodeDirectoryPdu,
  encodeDirectoryPdu,
} from '../../../packages/ipcpd/src/core/directory/directory-pdu.ts';
import { QueryDirectory } from '../../../packages/ipcpd/src/core/directory/query.ts';
import { bytesEqual, demand, type FuzzTarget } from '../engine/target.ts';

const ID = 'abcdefgh';

export const target: FuzzTarget = {
  name: 'directory-pdu',
  about:
    'directory PDUs: decoding is total, encoding gives the same bytes, and what a stranger sends is answered shorter or not at all',
  maxBytes: 300,
  seeds: [
    encodeDirectoryPdu({ t: 'query', id: ID, name: 'oecho' }),
    encodeDirectoryPdu({ t: 'answer', id: ID, has: true }),
  ],
  run(input) {
    const pdu = decodeDirectoryPdu(input);
    if (pdu !== null) {
      demand(bytesEqual(encodeDirectoryPdu(pdu), input), 'another encoding of the same PDU');
      if (pdu.t === 'query') demand(pdu.name.length <= LIMITS.nameMaxBytes, 'name over its limit');
    }
    const directory = new QueryDirectory({ self: 'a', peers: ['b'], random: () => 7 });
    directory.handle({ t: 'lookup', name: 'n', ticket: 1 }, 0);
    for (const output of directory.handle({ t: 'pdu', peer: 'b', pdu: input }, 1)) {
      if (output.t === 'send')
        demand(output.pdu.length < input.length, 'the answer is longer than the question');
    }
    directory.handleTimeout(10_000_000);
    demand(directory.inspect().queries === 0, 'a query is left behind');
  },
};
