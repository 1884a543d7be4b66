/** Bytes of the requester's count of its requests, at the front of the id. */
const NUMBER_BYTES = 6;
const ID_BYTES = 16;

/** The id of a requester's request `number` (48 bits): the number, then 80 random bits; 16 characters of 8 bits. */
//= R-FA-01
export function requestId(number: number, random: () => number): string {
  const bytes: number[] = [];
  for (let left = number; bytes.length < NUMBER_BYTES; left = Math.floor(left / 256))
    bytes.unshift(left % 256);
  for (let word = 0; bytes.length < ID_BYTES; word >>>= 8) {
    if ((bytes.length - NUMBER_BYTES) % 4 === 0) word = random();
    bytes.push(word & 0xff);
  }
  return String.fromCharCode(...bytes);
}

/** Which request of its requester's an id names. */
export function requestNumber(id: string): number {
  let number = 0;
  for (let i = 0; i < NUMBER_BYTES; i += 1) number = number * 256 + id.charCodeAt(i);
  return number;
}
