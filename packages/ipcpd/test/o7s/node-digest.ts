import { createHash } from 'node:crypto';
import type { Digest } from '../../src/core/o7s/digest.ts';

export const nodeDigest: Digest = (name, bytes) => new Uint8Array(createHash(name).update(bytes).digest());
