import { assertEquals, assertStringIncludes } from "@std/assert";
import $ from "dax";
import { ariel } from "../cli/ariel.ts";
import { needs } from "../needs.ts";
import { busyboxInitrd, kernelPath, withFile } from "./guest.ts";

/** What another emulator's "virt" machine describes to its guests, with most of what ours has not. */
const VIRT = `/dts-v1/;
/ {
  #address-cells = <2>; #size-cells = <2>;
  compatible = "linux,dummy-virt"; interrupt-parent = <&gic>; dma-coherent;
  memory@40000000 { device_type = "memory"; reg = <0 0x40000000 0 0x8000000>; };
  memory@100000000 { device_type = "memory"; reg = <1 0 0 0x8000000>; };
  cpus { #address-cells = <1>; #size-cells = <0>;
    cpu@0 { device_type = "cpu"; compatible = "arm,cortex-a57"; reg = <0>; };
  };
  psci { compatible = "arm,psci-1.0", "arm,psci-0.2", "arm,psci"; method = "hvc"; };
  timer { compatible = "arm,armv8-timer"; always-on; interrupts = <1 13 4>, <1 14 4>, <1 11 4>, <1 10 4>; };
  clk: apb-pclk { compatible = "fixed-clock"; #clock-cells = <0>; clock-frequency = <24000000>; };
  gic: intc@8000000 {
    compatible = "arm,gic-v3"; #interrupt-cells = <3>; interrupt-controller; #redistributor-regions = <1>;
    #address-cells = <2>; #size-cells = <2>; ranges;
    reg = <0 0x8000000 0 0x10000>, <0 0x80a0000 0 0xf60000>;
    its: its@8080000 { compatible = "arm,gic-v3-its"; msi-controller; #msi-cells = <1>; reg = <0 0x8080000 0 0x20000>; };
  };
  flash@0 { compatible = "cfi-flash"; bank-width = <4>; reg = <0 0 0 0x4000000>, <0 0x4000000 0 0x4000000>; };
  pl011@9000000 {
    compatible = "arm,pl011", "arm,primecell"; reg = <0 0x9000000 0 0x1000>; interrupts = <0 1 4>;
    clocks = <&clk>, <&clk>; clock-names = "uartclk", "apb_pclk";
  };
  pl031@9010000 {
    compatible = "arm,pl031", "arm,primecell"; reg = <0 0x9010000 0 0x1000>; interrupts = <0 2 4>;
    clocks = <&clk>; clock-names = "apb_pclk";
  };
  fw-cfg@9020000 { compatible = "qemu,fw-cfg-mmio"; reg = <0 0x9020000 0 0x18>; dma-coherent; };
  gpio: pl061@9030000 {
    compatible = "arm,pl061", "arm,primecell"; reg = <0 0x9030000 0 0x1000>; interrupts = <0 7 4>;
    gpio-controller; #gpio-cells = <2>; clocks = <&clk>; clock-names = "apb_pclk";
  };
  gpio-keys { compatible = "gpio-keys"; poweroff { label = "Poweroff"; linux,code = <116>; gpios = <&gpio 3 0>; }; };
  platform-bus@c000000 {
    compatible = "simple-bus"; #address-cells = <1>; #size-cells = <1>; ranges = <0 0 0xc000000 0x2000000>;
    uart@1000 { compatible = "ns16550a"; reg = <0x1000 0x100>; interrupts = <0 112 4>; clock-frequency = <24000000>; };
  };
  pcie@10000000 {
    compatible = "pci-host-ecam-generic"; device_type = "pci"; reg = <0x40 0x10000000 0 0x10000000>;
    #address-cells = <3>; #size-cells = <2>; bus-range = <0 255>; linux,pci-domain = <0>; msi-map = <0 &its 0 0x10000>;
    ranges = <0x1000000 0 0 0 0x3eff0000 0 0x10000>, <0x2000000 0 0x10000000 0 0x10000000 0 0x2eff0000>;
  };
  virtio_mmio@a000000 { compatible = "virtio,mmio"; reg = <0 0xa000000 0 0x200>; interrupts = <0 16 1>; };
  virtio_mmio@a000200 { compatible = "virtio,mmio"; reg = <0 0xa000200 0 0x200>; interrupts = <0 17 1>; };
  chosen {
    stdout-path = "/pl011@9000000"; linux,initrd-start = <0x48000000>; linux,initrd-end = <0x49000000>;
  };
};
`;
const INIT = `echo memory $(awk '/MemTotal/ { print int($2 / 1024) }' /proc/meminfo)
echo devices $(ls /sys/bus/amba/devices)
poweroff -f
`;

Deno.test({
  name: "linux-6.12 boots with the devicetree of another machine, whose devices it has not",
  ...needs({ permissions: ["read", "write", "run", "env"], paths: ["ARIEL_REAL"], programs: ["dtc"] }),
  async fn() {
    const dtb = await $`dtc -q -I dts -O dtb -`.stdinText(VIRT).bytes();
    await withFile(dtb, (dtbPath) =>
      withFile(busyboxInitrd(INIT), async (initrd) => {
        const args = ["--kernel", kernelPath("linux-6.12"), "--initrd", initrd, "--dtb", dtbPath, "-m", "512M"];
        const { code, stdout, stderr } = await ariel(
          ["run", ...args, "--append", "console=ttyAMA0 rdinit=/init"],
          { timeoutMs: 240_000 },
        );
        const disabled = [...stderr.matchAll(/: (\/\S+) (?:and \d+ more of its kind )?(?:is|are) disabled/g)];
        assertEquals(disabled.map(([, path]) => path), [
          "/intc@8000000/its@8080000",
          "/flash@0",
          "/fw-cfg@9020000",
          "/pl061@9030000",
          "/platform-bus@c000000/uart@1000",
          "/pcie@10000000",
          "/virtio_mmio@a000000",
        ]);
        assertEquals(code, 0, stdout);
        const [, memory] = /memory (\d+)/.exec(stdout)!;
        assertEquals(Number(memory) > 400, true, stdout);
        assertStringIncludes(stdout, "devices 9000000.pl011 9010000.pl031");
      }));
  },
});
