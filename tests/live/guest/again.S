# A boot sector that says "G up" on the serial line and then, as it was assembled (THEN): 0 waits for ever,
# 1 reboots, 2 powers off, 3 sets its clock to the same day of next year, 4 lets the time of an ISA
# watchdog run out. A guest that starts once more in a second, for tests that look at just that.
    .code16
    .global _start
_start:
    cli
    xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %ss
    movw $0x7c00, %sp
    sti
    cld
    movw $text, %si
next:
    lodsb
    testb %al, %al
    jz done
    movb %al, %ah
    movw $0x3fd, %dx
1:  inb %dx, %al
    testb $0x20, %al
    jz 1b
    movw $0x3f8, %dx
    movb %ah, %al
    outb %al, %dx
    jmp next
done:
    movb $0x86, %ah             # wait CX:DX microseconds
    movw $3, %cx
    xorw %dx, %dx
    int $0x15
    .if THEN == 1
    movb $0xfe, %al             # the keyboard controller's reset line
    outb %al, $0x64
    .endif
    .if THEN == 2
    movw $0x2000, %ax           # to sleep in S5, where the firmware has put ACPI's registers
    movw $0x604, %dx
    outw %ax, %dx
    .endif
    .if THEN == 3
    movb $4, %ah                # the date, to CX and DX in decimal digits
    int $0x1a
    movb %cl, %al
    addb $1, %al
    daa
    movb %al, %cl
    movb $5, %ah
    int $0x1a
    .endif
    .if THEN == 4
    movw $0x443, %dx            # starts an ib700; 15: with no time at all
    movb $15, %al
    outb %al, %dx
    .endif
2:  hlt
    jmp 2b
text:
    .asciz "G up\r\n"
    .org 510
    .word 0xaa55
