# A boot sector that writes to the disk it was started from, through the firmware, which has drivers for every bus.
#
# Block n (512 bytes of the number n) goes to sector 2048 + n % 64; "A n" in hexadecimal is said on the serial line
# when it is there, "E" when the firmware says that it could not write. About 50 blocks in a second.
    .code16
    .global _start
_start:
    cli
    xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movw $0x7c00, %sp
    sti
    movb %dl, drive
    xorl %ebp, %ebp
next:
    incl %ebp
    movl %ebp, %eax
    movw $0x8000, %di
    movw $128, %cx
    rep stosl
    andl $63, %eax
    addl $2048, %eax
    movl %eax, sector
    movw $0x4300, %ax
    movb drive, %dl
    movw $packet, %si
    int $0x13
    jc failed
    movb $'A', %al
    call say
    movb $' ', %al
    call say
    movw $8, %cx
    movl %ebp, %ebx
digit:
    roll $4, %ebx
    movb %bl, %al
    andb $15, %al
    cmpb $10, %al
    jb 1f
    addb $39, %al
1:  addb $48, %al
    call say
    loop digit
    movb $10, %al
    call say
    movb $0x86, %ah             # wait CX:DX microseconds
    xorw %cx, %cx
    movw $20000, %dx
    int $0x15
    jmp next
failed:
    movb $'E', %al
    call say
    movb $10, %al
    call say
2:  hlt
    jmp 2b
say:
    pushw %dx
    pushw %ax
    movw $0x3fd, %dx
3:  inb %dx, %al
    testb $0x20, %al
    jz 3b
    popw %ax
    movw $0x3f8, %dx
    outb %al, %dx
    popw %dx
    ret
drive:
    .byte 0
    .balign 4
packet:                         # 16 bytes, one sector, from 0:8000
    .byte 16, 0
    .word 1, 0x8000, 0
sector:
    .long 0, 0
    .org 510
    .word 0xaa55
