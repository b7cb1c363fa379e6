/**
 * The fields of system registers as the Arm ARM's register pages name them: `NAME:high-low`, or `NAME:bit`, with the
 * meanings of the values 0, 1, 2, ... behind `=` where they have names. Arm DDI 0487, chapter D19; Arm IHI 0069.
 */
const PSTATE = "N:31 Z:30 C:29 V:28 TCO:25 DIT:24 UAO:23 PAN:22 SS:21 IL:20 SSBS:12 BTYPE:11-10 D:9 A:8 I:7 F:6 " +
  "M:4-0=EL0t,,,,EL1t,EL1h,,,EL2t,EL2h,,,EL3t,EL3h";
const SCTLR = "EPAN:57 EnALS:56 EnAS0:55 EnASR:54 TME:53 TME0:52 DSSBS:44 ATA:43 ATA0:42 TCF:41-40 TCF0:39-38 " +
  "ITFSB:37 BT1:36 BT0:35 EnIA:31 EnIB:30 LSMAOE:29 nTLSMD:28 EnDA:27 UCI:26 EE:25 E0E:24 SPAN:23 EIS:22 IESB:21 " +
  "TSCXT:20 WXN:19 nTWE:18 nTWI:16 UCT:15 DZE:14 EnDB:13 I:12 EOS:11 EnRCTX:10 UMA:9 SED:8 ITD:7 nAA:6 CP15BEN:5 " +
  "SA0:4 SA:3 C:2 A:1 M:0";
const CACHEABILITY = "=NC,WBWA,WT,WBnWA", SHAREABILITY = "=non,,outer,inner";
const TCR =
  "E0PD1:56 E0PD0:55 NFD1:54 NFD0:53 TBID1:52 TBID0:51 HPD1:42 HPD0:41 HD:40 HA:39 TBI1:38 TBI0:37 AS:36=8bit,16bit " +
  "IPS:34-32=4GB,64GB,1TB,4TB,16TB,256TB,4PB " +
  `TG1:31-30=,16K,4K,64K SH1:29-28${SHAREABILITY} ORGN1:27-26${CACHEABILITY} IRGN1:25-24${CACHEABILITY} EPD1:23 A1:22 ` +
  `T1SZ:21-16 TG0:15-14=4K,64K,16K SH0:13-12${SHAREABILITY} ORGN0:11-10${CACHEABILITY} IRGN0:9-8${CACHEABILITY} ` +
  "EPD0:7 T0SZ:5-0";
const TIMER = "ISTATUS:2 IMASK:1 ENABLE:0";
const LIST_REGISTER =
  "State:63-62=inactive,pending,active,pending+active HW:61 Group:60 Priority:55-48 pINTID:44-32 vINTID:31-0";
const MAIR = "Attr7:63-56 Attr6:55-48 Attr5:47-40 Attr4:39-32 Attr3:31-24 Attr2:23-16 Attr1:15-8 Attr0:7-0";
const TTBR = "ASID:63-48 BADDR:47-1 CnP:0";
const ESR = "EC:31-26 IL:25 ISS:24-0";

// deno-fmt-ignore
const FIELDS: Readonly<Record<string, string>> = {
  SCTLR_EL1: SCTLR, SCTLR_EL2: SCTLR, SCTLR_EL3: SCTLR,
  TCR_EL1: TCR,
  TTBR0_EL1: TTBR, TTBR1_EL1: TTBR, TTBR0_EL2: TTBR, TTBR1_EL2: TTBR, TTBR0_EL3: TTBR,
  MAIR_EL1: MAIR, MAIR_EL2: MAIR, MAIR_EL3: MAIR,
  ESR_EL1: ESR, ESR_EL2: ESR, ESR_EL3: ESR,
  SPSR_EL1: PSTATE, SPSR_EL2: PSTATE, SPSR_EL3: PSTATE, cpsr: PSTATE,
  DAIF: "D:9 A:8 I:7 F:6",
  NZCV: "N:31 Z:30 C:29 V:28",
  CurrentEL: "EL:3-2",
  SPSel: "SP:0",
  FPCR: "AHP:26 DN:25 FZ:24 RMode:23-22=RN,RP,RM,RZ FZ16:19",
  FPSR: "QC:27 IDC:7 IXC:4 UFC:3 OFC:2 DZC:1 IOC:0",
  CPACR_EL1: "TTA:28 FPEN:21-20=trap,trapEL0,trap,none ZEN:17-16=trap,trapEL0,trap,none",
  CPTR_EL2: "TCPAC:31 TAM:30 TTA:20 TFP:10 TZ:8",
  PAR_EL1: "ATTR:63-56 PA:47-12 NS:9 SH:8-7 FST:6-1 F:0",
  MPIDR_EL1: "Aff3:39-32 U:30 MT:24 Aff2:23-16 Aff1:15-8 Aff0:7-0",
  VMPIDR_EL2: "Aff3:39-32 U:30 MT:24 Aff2:23-16 Aff1:15-8 Aff0:7-0",
  MIDR_EL1: "Implementer:31-24 Variant:23-20 Architecture:19-16 PartNum:15-4 Revision:3-0",
  VPIDR_EL2: "Implementer:31-24 Variant:23-20 Architecture:19-16 PartNum:15-4 Revision:3-0",
  HCR_EL2: "FWB:46 API:41 APK:40 TERR:36 TLOR:35 E2H:34 ID:33 CD:32 RW:31 TRVM:30 HCD:29 TDZ:28 TGE:27 TVM:26 TTLB:25 " +
    "TPU:24 TPCP:23 TSW:22 TACR:21 TIDCP:20 TSC:19 TID3:18 TID2:17 TID1:16 TID0:15 TWE:14 TWI:13 DC:12 " +
    "BSU:11-10=none,inner,outer,full FB:9 VSE:8 VI:7 VF:6 AMO:5 IMO:4 FMO:3 PTW:2 SWIO:1 VM:0",
  VTCR_EL2: `NSA:30 NSW:29 HD:22 HA:21 VS:19=8bit,16bit PS:18-16=4GB,64GB,1TB,4TB,16TB,256TB,4PB TG0:15-14=4K,64K,16K ` +
    `SH0:13-12${SHAREABILITY} ORGN0:11-10${CACHEABILITY} IRGN0:9-8${CACHEABILITY} SL0:7-6 T0SZ:5-0`,
  VTTBR_EL2: "VMID:63-48 BADDR:47-1 CnP:0",
  HPFAR_EL2: "NS:63 FIPA:43-4",
  MDCR_EL2: "HPMD:17 TDRA:11 TDOSA:10 TDA:9 TDE:8 HPME:7 TPM:6 TPMCR:5 HPMN:4-0",
  CNTHCTL_EL2: "EVNTI:7-4 EVNTDIR:3 EVNTEN:2 EL1PCEN:1 EL1PCTEN:0",
  SCR_EL3: "EEL2:18 API:17 APK:16 TERR:15 TLOR:14 TWE:13 TWI:12 ST:11 RW:10 SIF:9 HCE:8 SMD:7 EA:3 FIQ:2 IRQ:1 NS:0",
  CNTKCTL_EL1: "EL0PTEN:9 EL0VTEN:8 EVNTI:7-4 EVNTDIR:3 EVNTEN:2 EL0VCTEN:1 EL0PCTEN:0",
  CNTP_CTL_EL0: TIMER, CNTV_CTL_EL0: TIMER, CNTHP_CTL_EL2: TIMER, CNTHV_CTL_EL2: TIMER, CNTPS_CTL_EL1: TIMER,
  CNTHPS_CTL_EL2: TIMER, CNTHVS_CTL_EL2: TIMER,
  MDSCR_EL1: "TFO:31 RXfull:30 TXfull:29 RXO:27 TXU:26 INTdis:23-22 TDA:21 SC2:19 MDE:15 HDE:14 KDE:13 TDCC:12 ERR:6 SS:0",
  OSLSR_EL1: "OSLM:3-3 nTT:2 OSLK:1",
  ISR_EL1: "A:8 I:7 F:6",
  CTR_EL0: "DIC:29 IDC:28 CWG:27-24 ERG:23-20 DminLine:19-16 L1Ip:15-14=,,VIPT,PIPT IminLine:3-0",
  DCZID_EL0: "DZP:4 BS:3-0",
  PMCR_EL0: "N:15-11 LP:7 LC:6 DP:5 X:4 D:3 C:2 P:1 E:0",
  PMUSERENR_EL0: "ER:3 CR:2 SW:1 EN:0",
  ID_AA64PFR0_EL1: "CSV3:63-60 CSV2:59-56 DIT:51-48 AMU:47-44 MPAM:43-40 SEL2:39-36 SVE:35-32 RAS:31-28 GIC:27-24 " +
    "AdvSIMD:23-20 FP:19-16 EL3:15-12 EL2:11-8 EL1:7-4 EL0:3-0",
  ID_AA64PFR1_EL1: "MTE:11-8 SSBS:7-4 BT:3-0",
  ID_AA64DFR0_EL1: "CTX_CMPs:31-28 WRPs:23-20 BRPs:15-12 PMUVer:11-8 TraceVer:7-4 DebugVer:3-0",
  ID_AA64ISAR0_EL1: "RNDR:63-60 TLB:59-56 TS:55-52 FHM:51-48 DP:47-44 SM4:43-40 SM3:39-36 SHA3:35-32 RDM:31-28 " +
    "Atomic:23-20 CRC32:19-16 SHA2:15-12 SHA1:11-8 AES:7-4",
  ID_AA64ISAR1_EL1: "I8MM:55-52 DGH:51-48 BF16:47-44 SPECRES:43-40 SB:39-36 FRINTTS:35-32 GPI:31-28 GPA:27-24 " +
    "LRCPC:23-20 FCMA:19-16 JSCVT:15-12 API:11-8 APA:7-4 DPB:3-0",
  ID_AA64MMFR0_EL1: "ECV:63-60 FGT:59-56 ExS:47-44 TGran4_2:43-40 TGran64_2:39-36 TGran16_2:35-32 TGran4:31-28 " +
    "TGran64:27-24 TGran16:23-20 BigEndEL0:19-16 SNSMem:15-12 BigEnd:11-8 ASIDBits:7-4 PARange:3-0",
  ID_AA64MMFR1_EL1: "ETS:39-36 TWED:35-32 XNX:31-28 SpecSEI:27-24 PAN:23-20 LO:19-16 HPDS:15-12 VH:11-8 VMIDBits:7-4 HAFDBS:3-0",
  ID_AA64MMFR2_EL1: "E0PD:63-60 EVT:59-56 BBM:55-52 TTL:51-48 FWB:43-40 IDS:39-36 AT:35-32 ST:31-28 NV:27-24 CCIDX:23-20 " +
    "VARange:19-16 IESB:15-12 LSM:11-8 UAO:7-4 CnP:3-0",
  ICC_CTLR_EL1: "A3V:15 SEIS:14 IDbits:13-11 PRIbits:10-8 PMHE:6 EOImode:1 CBPR:0",
  ICC_SRE_EL1: "DIB:2 DFB:1 SRE:0", ICC_SRE_EL2: "Enable:3 DIB:2 DFB:1 SRE:0",
  ICC_IGRPEN0_EL1: "Enable:0", ICC_IGRPEN1_EL1: "Enable:0",
  ICH_HCR_EL2: "EOIcount:31-27 TDIR:14 TSEI:13 TALL1:12 TALL0:11 TC:10 VGrp1DIE:7 VGrp1EIE:6 VGrp0DIE:5 VGrp0EIE:4 " +
    "NPIE:3 LRENPIE:2 UIE:1 En:0",
  ICH_VTR_EL2: "PRIbits:31-29 PREbits:28-26 IDbits:25-23 SEIS:22 A3V:21 nV4:20 TDS:19 ListRegs:4-0",
  ICH_VMCR_EL2: "VPMR:31-24 VBPR0:23-21 VBPR1:20-18 VEOIM:9 VCBPR:4 VFIQEn:3 VAckCtl:2 VENG1:1 VENG0:0",
  ICH_MISR_EL2: "VGrp1D:7 VGrp1E:6 VGrp0D:5 VGrp0E:4 NP:3 LRENP:2 U:1 EOI:0",
  ...Object.fromEntries(Array.from({ length: 16 }, (_, n) => [`ICH_LR${n}_EL2`, LIST_REGISTER])),
};

/** One field of a register's value. */
export interface Field {
  readonly name: string;
  readonly high: number;
  readonly low: number;
  readonly value: bigint;
  /** What the value is called, or "". */
  readonly meaning: string;
}

interface FieldRow {
  readonly name: string;
  readonly high: number;
  readonly low: number;
  readonly meanings: readonly string[];
}

const parsed = new Map<string, readonly FieldRow[]>();

function rowsOf(register: string): readonly FieldRow[] {
  let rows = parsed.get(register);
  if (!rows) {
    rows = (FIELDS[register] ?? "").split(" ").filter((text) => text !== "").map((text) => {
      const [, name, high, low = high, meanings = ""] = /^(\w+):(\d+)(?:-(\d+))?(?:=(.*))?$/.exec(text)!;
      return { name, high: Number(high), low: Number(low), meanings: meanings.split(",") };
    });
    parsed.set(register, rows);
  }
  return rows;
}

/** The fields of a register's value, from the most significant on; none where the register has no table. */
export function decodeFields(register: string, value: bigint): Field[] {
  return rowsOf(register).map(({ name, high, low, meanings }) => {
    const field = value >> BigInt(low) & ((1n << BigInt(high - low + 1)) - 1n);
    return { name, high, low, value: field, meaning: meanings[Number(field)] ?? "" };
  });
}

/** The fields that are not zero in one line: a bit by its name, others as NAME=value. */
export function showFields(register: string, value: bigint): string {
  return decodeFields(register, value).filter((f) => f.value !== 0n || f.meaning !== "").map((f) => {
    if (f.meaning !== "") return `${f.name}=${f.meaning}`;
    if (f.high === f.low) return f.name;
    return `${f.name}=${f.value < 10n ? f.value : `0x${f.value.toString(16)}`}`;
  }).join(" ");
}

/** Every register that has a table, for tests. */
export const REGISTERS_WITH_FIELDS: readonly string[] = Object.keys(FIELDS);
