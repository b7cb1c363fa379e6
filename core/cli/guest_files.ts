import { type Arguments, UsageError } from "./command.ts";
import { readUserFile } from "./files.ts";
import { readInitrd } from "./initrd_files.ts";
import { KernelFile, readKernelOnce } from "./kernel_file.ts";
import { Progress } from "./progress.ts";
import { INTERRUPTED, onEndSignal } from "./signals.ts";
import type { GuestFiles } from "./vm_protocol.ts";

/** What a guest is started with. */
export interface NamedGuest {
  readonly files: GuestFiles;
  /** Where its kernel can be read again, or null. */
  readonly kernelFile: KernelFile | null;
}

/** Reads, and unpacks, what the command line gives the guest. A signal ends the program. Throws UsageError. */
export function readGuestFiles(args: Arguments): Promise<NamedGuest> {
  const end = () => {
    Progress.clearAny();
    Deno.exit(INTERRUPTED);
  };
  return onEndSignal(end, () => readFiles(args));
}

async function readFiles(args: Arguments): Promise<NamedGuest> {
  const [named, flagged] = [args.positional[0], args.get("kernel")];
  if (named !== undefined && flagged !== undefined) {
    throw new UsageError("Cannot take both GUEST and --kernel as they mean the same");
  }
  const kernelName = flagged ?? (named === "diagnostic" ? null : named ?? null);
  // A large kernel comes in while the initrd is looked at; what is wrong with that is said first
  const kernelFile = kernelName === null ? null : KernelFile.open(kernelName);
  const kernel = kernelName === null ? null : kernelFile?.read() ?? readKernelOnce(kernelName);
  kernel?.catch(() => {});
  const initrd = await readInitrd(args.all("initrd"), args.all("initrd-dir"));
  const dtbName = args.get("dtb") ?? null;
  const files = {
    kernelName,
    kernel: await kernel,
    initrdName: initrd?.name ?? null,
    initrd: initrd?.bytes ?? null,
    dtbName,
    dtb: dtbName === null ? null : await readUserFile(dtbName, "the devicetree"),
    append: args.get("append") ?? null,
    rngSeed: entropy(args.get("time") === "virtual"),
    dumpDtb: args.has("dump-dtb"),
  };
  return { files, kernelFile };
}

/** Entropy for the guest: always the same where every run is to be. */
function entropy(isDeterministic: boolean): Uint8Array {
  const seed = new Uint8Array(32);
  return isDeterministic ? seed.map((_, i) => 17 * i + 1) : crypto.getRandomValues(seed);
}
