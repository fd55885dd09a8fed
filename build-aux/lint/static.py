#!/usr/bin/env python3
"""Static analysis of src/ with cppcheck: its errors, warnings and portability findings.

libvirt's headers are not given to it: that keeps it at a few seconds. Instead it knows glib's and libvirt's
macros from the definitions below. Leaks are the sanitizers' part: it does not understand g_autoptr. A
false finding is silenced in place: /* cppcheck-suppress NAME */.
"""
import os
import subprocess

import lintlib

OPTIONS = [
    '--enable=warning,portability', '--inline-suppr', '--std=c11', '--quiet', '--error-exitcode=1', '-j2',
    '--template={file}:{line}: {message} ({id})', '--library=gtk',
    '-DG_GNUC_PRINTF(a,b)=', '-Dg_autofree=', '-Dg_autoptr(t)=t*', '-Dg_auto(t)=t', '--suppress=memleak',
    '-DG_DEFINE_AUTOPTR_CLEANUP_FUNC(t,f)=', '-DG_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(t,f)=',
    '-DVIR_AUTOCLOSE=int', '-DG_GNUC_UNUSED=', '-DG_GNUC_NORETURN=', '-DG_GNUC_WARN_UNUSED_RESULT=',
    '-DVIR_ENUM_DECL(n)=int n', '-DVIR_ENUM_IMPL(n,l,...)=int n',
    '-DVIR_LOG_INIT(n)=int n', '-DQBJ_DEBUG_CHECKS=1',
    # cannot be judged without the headers
    '--suppress=unknownMacro', '--suppress=missingInclude',
]


def check(root):
    folders = sorted({os.path.dirname(p) for p in lintlib.files(root, '.h', under='src')})
    done = subprocess.run(['cppcheck', *OPTIONS, *(f'-I{f}' for f in folders), 'src'],
                          cwd=root, capture_output=True, text=True)
    findings = [line for line in done.stderr.splitlines() if line.strip()]
    yield from findings
    if done.returncode and not findings:
        yield f'src:1: cppcheck failed: {done.stdout.strip()}'


lintlib.main(check)
