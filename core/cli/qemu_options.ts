const CONSOLE = "the console is this terminal anyway; see --monitor",
  MACHINE = "there is one machine, much like QEMU's virt";
const DISK = "there are no disks: files reach the guest by --initrd or --initrd-dir", NETWORK = "there is no network";

/** What QEMU's users find in place of its options that have no namesake here; by the option without its dash. */
export const QEMU_OPTIONS: Readonly<Record<string, string>> = {
  s: "GDB is let in by --gdb 1234",
  S: "the guest waits for GDB with --gdb 1234,wait",
  nographic: CONSOLE,
  display: CONSOLE,
  serial: CONSOLE,
  mon: CONSOLE,
  chardev: CONSOLE,
  M: MACHINE,
  machine: MACHINE,
  accel: "there is one, the JIT; see --jit",
  d: "traps are recorded with --log FILE",
  D: "traps are recorded with --log FILE",
  trace: "traps are recorded with --log FILE",
  plugin: "a plugin is given with --policy FILE",
  icount: "instructions are the clock with --time virtual",
  drive: DISK,
  hda: DISK,
  cdrom: DISK,
  blockdev: DISK,
  nic: NETWORK,
  net: NETWORK,
  netdev: NETWORK,
  device: "no devices can be added",
  loadvm: "there are no snapshots; the monitor's save writes an ELF core",
};
