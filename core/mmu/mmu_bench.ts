import { ACCESS_WRITE } from "./access.ts";
import { D, Fixture, RAM_BASE } from "./fixture.ts";

const PAGES = 1024;
const f = new Fixture();
const low = f.allocate();
f.sys("TCR_EL1", 16n | 16n << 16n | 2n << 30n | 5n << 32n | 1n << 36n);
f.sys("TTBR0_EL1", BigInt(low));
f.sys("SCTLR_EL1", 1n);
for (let page = 0; page < PAGES; page++) {
  const pa = BigInt(RAM_BASE + page * 4096);
  f.map(low, BigInt(page) << 12n, pa | D.page | D.af | D.user | D.ng);
}
const root = f.allocate(0x2000);
for (let at = 0; at < 32; at++) {
  const ipa = BigInt(RAM_BASE) + BigInt(at) * 0x200000n;
  const bits = D.block | D.af | D.s2Read | D.s2Write | D.s2Normal;
  f.map(root, ipa, ipa | bits, { start: 1, inputSize: 40, level: 2 });
}
f.sys("VTCR_EL2", 24n | 1n << 6n | 5n << 16n);
f.sys("VTTBR_EL2", BigInt(root) | 1n << 48n);
const { mmu, vcpu } = f;

function fillAll(access: number): void {
  for (let page = 0; page < PAGES; page++) mmu.fill(vcpu, page << 12, 0, access);
}

Deno.bench(`stage 1, 4 levels: ${PAGES} fills`, (b) => {
  f.sys("HCR_EL2", 0n);
  f.el(1);
  b.start();
  fillAll(0);
  b.end();
});

for (const [name, access] of [["reads", 0], ["writes", ACCESS_WRITE]] as const) {
  Deno.bench(`both stages: ${PAGES} fills for ${name}`, (b) => {
    f.sys("HCR_EL2", 1n);
    f.el(1);
    b.start();
    fillAll(access);
    b.end();
  });
}

Deno.bench(`both stages, stage 2 cache empty: ${PAGES} fills`, (b) => {
  f.sys("HCR_EL2", 1n);
  f.el(1);
  mmu.tlbOf(vcpu).stage2.invalidateAll();
  b.start();
  fillAll(0);
  b.end();
});

Deno.bench("1000 changes between EL0 and EL1", () => {
  for (let i = 0; i < 500; i++) {
    vcpu.set32("pstate", 0);
    mmu.contextChanged(vcpu);
    vcpu.set32("pstate", 4);
    mmu.contextChanged(vcpu);
  }
});

Deno.bench("1000 TLBIs by VA", () => {
  for (let i = 0; i < 1000; i++) f.tlbi([0, 7, 1], 5n);
});

Deno.bench(`TLBI of everything after ${PAGES} fills`, (b) => {
  fillAll(0);
  b.start();
  f.tlbi([0, 7, 0]);
  b.end();
});
