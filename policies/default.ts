import { allow, definePolicy, deny } from "ariel/policy";

/** What the bundled guests and Linux need, by name, and nothing that nobody answers. */
export default definePolicy({
  name: "default",
  apiVersion: 1,
  rules: [
    allow.mmio("pl011", { because: "the guest's console" }),
    allow.mmio("pl031", { because: "the time of day" }),
    allow.mmio(["vgicd", "vgicr"], { because: "interrupts" }),
    allow.mmio("virtio-*", { because: "disks, networks and what else the user has attached" }),
    allow.hypercall(["GET_HV_ID", "GET_STATUS"], { because: "they tell nothing but what the guest is and does" }),
    allow.hypercall(["GUEST_CONSOLE_WRITE", "DUMP_LOG"], { because: "a console before there is a driver" }),
    allow.hypercall("REPORT_EXCEPTION", { because: "a guest may say that it is in trouble" }),
    allow.hypercall("PAUSE", { because: "whoever runs the guest may have left a breakpoint in it" }),
    allow.hypercall(["PSCI_*", "SMCCC_*"], { because: "vCPUs on and off, power off, reset: by the conduit HVC" }),
    allow.smc(["PSCI_*", "SMCCC_*"], { because: "the same by the conduit SMC" }),
    allow.sysreg("*", { because: "registers of EL1 and EL0 are the guest's own; untrapped, they cost nothing" }),
  ],
  otherwise: deny,
});
