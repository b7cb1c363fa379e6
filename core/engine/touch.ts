/** Size of a page of the host, or a part of it. */
const HOST_PAGE = 4096;

/**
 * Writes to memory that is still zero, once a page. Where a page is read before it is written to, the host maps a page of
 * zeroes for the read and another one for the write, for which it interrupts the other threads' cores: some 10 us.
 * @param at byte offset, a multiple of 4.
 */
export function touch(memory: Int32Array, at: number, bytes: number): void {
  for (let offset = 0; offset < bytes; offset += HOST_PAGE) memory[(at + offset) >>> 2] = 0;
  memory[(at + bytes - 4) >>> 2] = 0;
}
