import { describe } from '@jest/globals';
import { whyNoNamespaces } from './network-namespace.ts';

const why = whyNoNamespaces();
if (why !== null) console.warn(`Tests on two hosts are skipped: ${why}`);

/** Like `describe`, where namespaces can be made; elsewhere the tests are skipped, and say why. */
export const describeOnTwoHosts = why === null ? describe : describe.skip;
