import { isName } from '@flowring/common';

const utf8Strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The name in bytes from a peer; `null` when they are no UTF-8, or no name. */
export function decodeName(bytes: Uint8Array): string | null {
  try {
    const name = utf8Strict.decode(bytes);
    return isName(name) ? name : null;
  } catch {
    return null;
  }
}
