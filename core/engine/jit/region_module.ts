import { STATE } from "../../cpu/layout.ts";
import type { I32, I64, Int } from "../builder.ts";
import { Emitter, Operand } from "../emitter.ts";
import { GuestEmitter } from "../guest_emitter.ts";
import { IMPORTS, SIGNATURES } from "../handlers.ts";
import { WRITE_TLB_OFFSET } from "../memory_request.ts";
import { countArrival, emitDispatch, emitLookUp, TYPE } from "../tier1.ts";
import { encodeModule, type FunctionBody, type Signature } from "../wasm_module.ts";
import { FLAGS, type FlagState } from "./analysis.ts";
import { flagOperands } from "./flags.ts";
import type { ModuleFunctions, RegionEmitter } from "./region_emitter.ts";

const TYPES: readonly Signature[] = [
  ...SIGNATURES,
  { params: ["i32", "i64", "i32"], results: ["i32"] },
  { params: ["i32", "i64", "i64"], results: ["i32"] },
  { params: ["i32", "i32", "i64", "i64", "i32", "i32"], results: ["i32"] },
];
const LOOK_UP_TYPE = SIGNATURES.length, TLB_TYPE = LOOK_UP_TYPE + 1, FLAGS_TYPE = LOOK_UP_TYPE + 2;

/** Indices of the functions that every module of regions has; the regions' own follow. */
export const MODULE_FUNCTIONS: ModuleFunctions = {
  dispatch: IMPORTS.length,
  lookUp: IMPORTS.length + 1,
  readTlb: IMPORTS.length + 2,
  writeTlb: IMPORTS.length + 3,
  flags: IMPORTS.length + 4,
};

/** Makes one module of the regions' functions, which fills the table slots `slots`. */
export function encodeRegions(
  regions: readonly RegionEmitter[],
  slots: readonly number[],
  memoryPages: number,
): Uint8Array<ArrayBuffer> {
  const shared = [
    body(emitDispatch(true), TYPE.dispatch),
    body(emitLookUpFunction(), LOOK_UP_TYPE),
    body(emitTlbFunction(0), TLB_TYPE),
    body(emitTlbFunction(WRITE_TLB_OFFSET), TLB_TYPE),
    body(new FlagsEmitter().write(), FLAGS_TYPE),
  ];
  return encodeModule({
    types: TYPES,
    imports: IMPORTS,
    memoryPages,
    functions: [...shared, ...regions.map((r) => body(r, TYPE.handler))],
    exports: {},
    elements: slots.map((slot, i) => ({ slot, function: shared.length + i })),
  });
}

function body(e: Emitter, type: number): FunctionBody {
  return { type, locals: e.locals, code: e.code, hints: e.hints };
}

/** `lookUp(cpu, address, branchType)`: the record of an address by the execute TLB, or 0. */
function emitLookUpFunction(): Emitter {
  const e = new Emitter(3);
  const cpu = new Operand("i32", 0), address = new Operand("i64", 1), branchType = new Operand("i32", 2);
  emitLookUp(e, cpu, address, (record) => {
    countArrival(e, cpu, record);
    e.get(record);
    e.return();
  }, branchType as I32);
  e.get(e.i32(0));
  return e;
}

/** `tlb(cpu, address, limit)`: the addend of the address's page, or 1 where the TLB has none or less than fits the limit. */
function emitTlbFunction(offset: number): Emitter {
  const e = new Emitter(3);
  const cpu = new Operand("i32", 0), address = new Operand("i64", 1), limit = new Operand("i64", 2);
  const index = e.and(e.shrU(e.wrap(address), e.i32(8)), e.i32(0xfff0));
  const entry = e.add(e.loadMemory("i32", 4, cpu, STATE.tlb.offset), index);
  const tag = e.loadMemory("i64", 8, entry, offset);
  e.get(e.select(
    e.ltU(e.sub(address as I64, tag as I64), limit),
    e.loadMemory("i32", 4, entry, offset + 8),
    e.i32(1),
  ));
  return e;
}

/** Writes `flags(cpu, state, a64, b64, a32, b32)`: NZCV from what a region keeps of the flags. */
class FlagsEmitter extends GuestEmitter {
  readonly cpu = new Operand("i32", 0);

  constructor() {
    super(6);
  }

  write(): this {
    const state = new Operand("i32", 1);
    const locals = {
      state,
      a64: new Operand("i64", 2),
      b64: new Operand("i64", 3),
      a32: new Operand("i32", 4),
      b32: new Operand("i32", 5),
    };
    for (const kind of [FLAGS.sub64, FLAGS.sub32, FLAGS.logic64, FLAGS.logic32, FLAGS.add64, FLAGS.add32] as const) {
      const [a, b] = flagOperands(kind, locals);
      this.beginIf(this.eq(state as I32, this.i32(kind)));
      this.get(this.#nzcv(kind, a, b));
      this.return();
      this.endBlock();
    }
    this.get(this.select(this.eqz(state), this.nzcv(), locals.a32));
    return this;
  }

  #nzcv(kind: FlagState, a: Int, b: Int): I32 {
    if (kind === FLAGS.add64 || kind === FLAGS.add32) return this.nzcvOfAdd(a, b, this.add(a, b));
    if (kind === FLAGS.sub64 || kind === FLAGS.sub32) return this.nzcvOfSub(a, b, this.sub(a, b));
    return this.nzcvOf(a, null, null);
  }

  protected spill(): void {}
  protected reload(): void {}
  protected leave(): void {}
  checkInterrupts(): void {}
}
