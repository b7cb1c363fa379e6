import { allow, definePolicy, deny, kill, value } from "ariel/policy";

/** ID_AA64DFR0_EL1.{PMSVer, PMUVer}: the profiling and performance monitor extensions. */
const PROFILING = 0xfn << 32n | 0xfn << 8n;

/**
 * What a small guest of one's own needs: console, interrupts, virtual timer, memory management. Debug and profiling end
 * the guest. Linux is stopped: `ariel policy learn` makes a policy under which it boots, and no more than that.
 */
export default definePolicy({
  name: "strict",
  apiVersion: 1,
  rules: [
    allow.mmio("pl011", { because: "the guest's console" }),
    allow.mmio(["vgicd", "vgicr"], { because: "interrupts" }),
    allow.hypercall("GET_HV_ID", { because: "it tells only that Ariel is there" }),
    allow.hypercall("GUEST_CONSOLE_WRITE", { because: "a console before there is a driver" }),
    allow.hypercall("REPORT_EXCEPTION", { because: "a guest may say that it is in trouble" }),
    allow.hypercall(["PSCI_VERSION", "PSCI_FEATURES", "PSCI_SYSTEM_OFF"], { because: "the guest may end" }),
    allow.smc(["PSCI_VERSION", "PSCI_FEATURES", "PSCI_SYSTEM_OFF"], { because: "the guest may end" }),

    kill.sysreg(["DBG*", "OS*", "MDSCR_EL1", "MDCC*", "MDRAR_EL1"], {
      because: "self-hosted debug and the OS lock are not for a guest under the policy strict",
    }),
    kill.sysreg("PM*", { because: "performance monitors measure other guests, too" }),
    value.sysreg("ID_AA64DFR0_EL1", { clear: PROFILING }, { because: "what is forbidden is not announced" }),

    allow.sysreg([
      "ID_*",
      "MVFR*",
      "S3_0_C0_*",
      "MIDR_EL1",
      "MPIDR_EL1",
      "REVIDR_EL1",
      "AIDR_EL1",
      "CTR_EL0",
      "DCZID_EL0",
    ], {
      access: "read",
      because: "what the CPU is",
    }),
    allow.sysreg(["CLIDR_EL1", "CCSIDR_EL1", "CSSELR_EL1"], { because: "the caches' geometry" }),
    allow.sysreg(["SCTLR_EL1", "ACTLR_EL1", "CPACR_EL1", "TTBR*_EL1", "TCR_EL1", "MAIR_EL1", "AMAIR_EL1", "PAR_EL1"], {
      because: "memory management",
    }),
    allow.sysreg(["VBAR_EL1", "ELR_EL1", "SPSR_EL1", "ESR_EL1", "FAR_EL1", "AFSR*_EL1", "ISR_EL1", "SP_EL0"], {
      because: "exceptions",
    }),
    allow.sysreg(["CurrentEL", "SPSel", "DAIF", "NZCV", "PAN", "UAO", "DIT", "SSBS", "FPCR", "FPSR"], {
      because: "PSTATE and floating point",
    }),
    allow.sysreg(["TPIDR*", "CONTEXTIDR_EL1"], { because: "the guest's own notes" }),
    allow.sysreg("AP*Key*_EL1", { because: "pointer authentication" }),
    allow.sysreg(["CNTFRQ_EL0", "CNTVCT_EL0", "CNTV_*_EL0", "CNTKCTL_EL1"], {
      because: "the virtual timer; the physical one tells how long the guest did not run",
    }),
    allow.sysreg("ICC_*", { because: "interrupts" }),
  ],
  otherwise: deny,
});
