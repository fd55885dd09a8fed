#!/usr/bin/env python3
"""Every lint must be able to fail: small trees with one mistake each, and small trees without.

usage: linttest.py       (needs cc, cppcheck and gettext; what is missing is skipped)
"""
import os
import shutil
import subprocess
import sys
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LINT = f'{TOP}/build-aux/lint'
CORE = 'src/qemu_blockjob/core'

LAYERS = {
    'src/util/meson.build': 'util_deps = []\n',
    'src/qemu_blockjob/core/meson.build': 'core_deps = [util_dep]\n',
    'src/qemu_blockjob/qmp/meson.build': 'qmp_deps = [core_dep]\n',
    'src/util/virqbjtext.h': '#pragma once\n',
    'src/qemu_blockjob/core/job.h': '#pragma once\n',
    'src/qemu_blockjob/qmp/qmp_client.h': '#pragma once\n',
}


def core_file(*includes):
    return {**LAYERS, f'{CORE}/a.c': '#include <config.h>\n' + ''.join(f'#include "{i}"\n' for i in includes)}


def function(lines):
    return 'int\nqbjLong(int a)\n{\n' + '    a++;\n' * lines + '    return a;\n}\n'


def catalogue(po, text='char *a = _("one");\n'):
    header = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n'
    return {'po/POTFILES': 'src/a.c\n', 'po/LINGUAS': 'de\n', 'po/de.po': header + po, 'src/a.c': text}


# lint, name of the case, files of the tree, what the findings must contain (none: no finding at all)
CASES = [
    ('includes', 'a lower layer', core_file('internal.h', 'job.h', 'virqbjtext.h'), []),
    ('includes', 'a layer below the one below', {**LAYERS, 'src/qemu_blockjob/qmp/b.c':
     '#include <config.h>\n#include "virqbjtext.h"\n'}, []),
    ('includes', 'upward', core_file('internal.h', 'qmp_client.h'), ['a.c:3: core may not include qmp_client.h of']),
    ('includes', 'upward by ..', core_file('../qmp/qmp_client.h'), ['a.c:2: `..` in an include']),
    ('includes', 'with a path', core_file('qmp/qmp_client.h'), ['a.c:2: our own headers are included without a path']),
    ('includes', 'config.h missing', {**LAYERS, f'{CORE}/a.c': '#include "internal.h"\n'}, ['<config.h> comes first']),
    ('includes', 'config.h in a header', {**LAYERS, f'{CORE}/a.h': '#include <config.h>\n'}, ['belongs into .c']),
    ('includes', 'two headers of one name', {**LAYERS, f'{CORE}/qmp_client.h': '\n'}, ['another header of this name']),
    ('includes', 'a comment is no include', core_file('job.h" /*\n#include "qmp_client.h"\n*/ //"'), []),

    ('purity', 'data only', core_file('internal.h', 'virjson.h', 'job.h'), []),
    ('purity', 'I/O header', core_file('virfile.h'), ['a.c:2: core/ may not include virfile.h']),
    ('purity', 'log header', core_file('virlog.h'), ['a.c:2: core/ may not include virlog.h']),
    ('purity', 'reports', {f'{CORE}/a.c': 'virReportError(1, "a");\n'}, ['a.c:1: core/ may not call virReportError']),
    ('purity', 'locks', {f'{CORE}/a.c': '\nVIR_LOCK_GUARD(x);\n'}, ['a.c:2: core/ may not call VIR_LOCK_GUARD']),
    ('purity', 'I/O call', {f'{CORE}/a.c': 'fd = open (name);\n'}, ['a.c:1: core/ may not call open']),
    ('purity', 'image I/O', {f'{CORE}/a.c': 'virStorageSourceStat(a, &b);\n'}, ['may not call virStorageSourceStat']),
    ('purity', 'image names', {f'{CORE}/a.c': 'virStorageSourceGetRelativeBackingPath(a, b, &c);\n'}, []),
    ('purity', 'clock', {f'{CORE}/a.c': 'g_get_real_time();\n'}, ['may not call g_get_real_time']),
    ('purity', 'words in text', {f'{CORE}/a.c': '/* open() */ char *a = "read(it)";\n'}, []),
    ('purity', 'other layers may', {'src/qemu_blockjob/host/a.c': 'open(name);\n'}, []),

    ('onewriter', 'the writer', {'src/qemu_blockjob/engine/engine_step.c': 'job->state = next;\n'}, []),
    ('onewriter', 'the parser', {'src/conf/virqbjjob.c': 'job->state = state;\n'}, []),
    ('onewriter', 'another file', {'src/qemu_blockjob/engine/engine_end.c': '\njob->state = QBJ_STATE_DONE;\n'},
     ['engine_end.c:2: only qbjEngineStep()']),
    ('onewriter', 'through a pointer', {'src/qemu_blockjob/api/a.c': 'set(&job->state);\n'}, ['a.c:1: only']),
    ('onewriter', 'under another name',
     {'src/qemu_blockjob/api/a.c': 'void f(virQbjJob *a)\n{\n    a->state = b;\n}\n'}, ['a.c:3: only']),
    ('onewriter', 'a known state', {'src/qemu_blockjob/vm/a.c': 'x.y->state = QBJ_STATE_DONE;\n'}, ['a.c:1: only']),
    ('onewriter', 'counting', {'src/qemu_blockjob/vm/a.c': '++job->state;\n'}, ['a.c:1: only']),
    ('onewriter', 'the state of something else', {'src/qemu_blockjob/api/a.c': 'info->state = running;\n'}, []),
    ('onewriter', 'reading', {'src/qemu_blockjob/api/a.c': 'if (a && job->state == x || job->state != y)\n'}, []),

    ('shape', 'long, but not too long', {'src/a.c': function(79)}, []),
    ('shape', 'a function too long', {'src/a.c': '\n' + function(80)}, ['src/a.c:2: qbjLong has 81 lines, 80']),
    ('shape', 'a long table', {'src/a.c': 'int a[] = {\n' + '    1,\n' * 400 + '};\n'}, []),
    ('shape', 'a file too long', {'src/a.c': '\n' * 501}, ['src/a.c:500: 501 lines, 500 allowed']),
    ('shape', 'a file that may be longer', {'src/a.c': '\n' * 501, 'build-aux/lint/long.txt': 'src/a.c 600 x\n'}, []),
    ('shape', 'goto', {'src/a.c': '\n    goto cleanup;\n'}, ['src/a.c:2: no goto']),
    ('shape', 'the word goto in text', {'src/a.c': '/* goto */ char *a = "goto";\n'}, []),

    ('format', 'libvirt\'s style', {'src/a.c': 'int\nf(void)\n{\n    if (a) {\n    } else {\n    }\n}\n'}, []),
    ('format', 'a tab', {'src/a.c': '\n\tint a;\n'}, ['src/a.c:2: a tab']),
    ('format', 'blanks at the end', {'docs/a.rst': 'text \n'}, ['docs/a.rst:1: blanks at the end']),
    ('format', 'no newline at the end', {'README.md': 'text'}, ['README.md:1: no newline']),
    ('format', 'a long comment', {'src/a.c': '/* ' + 'x' * 105 + ' */\n'}, ['src/a.c:1: 111 columns, 110']),
    ('format', 'long code', {'src/a.c': 'int ' + 'x' * 116 + ';\n'}, ['src/a.c:1: 121 columns, 120']),
    ('format', 'a long row', {'src/a.c': '    { ' + 'x' * 120 + ' },\n'}, []),
    ('format', 'keyword without a space', {'src/a.c': '    if(a)\n'}, ['src/a.c:1: a space after the keyword']),
    ('format', 'brace of a function', {'src/a.c': 'int f(void) {\n'}, ['src/a.c:1: the brace of a function']),
    ('format', 'star at the type', {'src/a.c': 'char* a;\n'}, ['src/a.c:1: the * belongs to the name']),
    ('format', 'not glib\'s', {'src/a.c': '    free(a);\n'}, ['src/a.c:1: use glib\'s function']),
    ('format', 'expected output is data', {'tests/somedata/a.rst': 'text \t'}, []),

    ('potfiles', 'all listed', {'po/POTFILES': 'src/a.c\n', 'src/a.c': '_("text")', 'src/b.c': '/* _("no") */'}, []),
    ('potfiles', 'one not listed', {'po/POTFILES': '', 'src/a.c': 'N_("text")'}, ['src/a.c has messages']),
    ('potfiles', 'one too many', {'po/POTFILES': 'src/a.c\n', 'src/a.c': 'x'}, ['src/a.c has no messages']),
    ('potfiles', 'not sorted', {'po/POTFILES': 'src/b.c\nsrc/a.c\n', 'src/a.c': '_("x")', 'src/b.c': '_("y")'},
     ['not sorted']),

    ('catalogue', 'complete', catalogue('msgid "one"\nmsgstr "eins"\n'), []),
    ('catalogue', 'not translated', catalogue(''), ['po/de.po:1: 1 of 1 messages are not translated']),
    ('catalogue', 'fuzzy', catalogue('#, fuzzy\nmsgid "one"\nmsgstr "eins"\n'), ['1 of 1 messages']),
    ('catalogue', 'no syntax', catalogue('msgid "one\n'), ['po/de.po:1:']),
    ('catalogue', 'wrong format', catalogue('#, c-format\nmsgid "a %s"\nmsgstr "a %d"\n', '_("a %s")'),
     ['po/de.po:1:']),
    ('catalogue', 'no messages', catalogue('', ''), ['the sources have no messages']),

    ('scripts', 'good', {'a.py': 'x = 1\n', 'b.sh': '#!/bin/sh\ntrue\n', 'c': '#!/usr/bin/env bash\na=(1 2)\n'}, []),
    ('scripts', 'python', {'tests/a.py': 'def x:\n'}, ['tests/a.py:1: ']),
    ('scripts', 'sh', {'a.sh': '#!/bin/sh\nif true; then\n'}, ['a.sh:1: ']),
    ('scripts', 'bash', {'dev': '#!/usr/bin/env bash\na=(1 2\n'}, ['dev:1: ']),

    ('static', 'good', {'src/a.c': 'int\nf(int *a)\n{\n    return *a;\n}\n'}, []),
    ('static', 'null dereference', {'src/a.c': 'int\nf(void)\n{\n    int *a = 0;\n    return *a;\n}\n'},
     ['src/a.c:5: Null pointer dereference']),
    ('static', 'out of bounds', {'src/a.c': 'int\nf(void)\n{\n    int a[2] = { 0 };\n    return a[2];\n}\n'},
     ['src/a.c:5: Array']),
    ('static', 'not initialised', {'src/a.c': 'int\nf(void)\n{\n    int a;\n    return a;\n}\n'}, ['src/a.c:5:']),

    ('testnames', 'good',
     {'docs/a.rst': 'x [a.py: b, c-d; qbjxtest: y/z,\n f]\n[not: one]\n',
      'tests/live/a.py': 'class T:\n    def test_b(self):\n        pass\n\n    def test_c_d(self):\n        pass\n',
      'tests/qbjxtest.c': '    add("/x/y/z", t);\n', 'tests/x_more.c': 'static void\nf(void)\n{\n}\n'}, []),
    ('testnames', 'no program', {'docs/a.rst': '\n[qbjxtest: y]\n'},
     ['docs/a.rst:2: there is no test program qbjxtest']),
    ('testnames', 'no test', {'docs/a.rst': '[a.py: b, e]\n', 'tests/a.py': 'def test_b():\n    be()\n'},
     ['docs/a.rst:1: a.py has no test e']),
]

# name, source of the module, source of a layer, what the findings must contain
EXPORT_CASES = [
    ('good', 'int qemuRegister(void) { return 0; }', 'int qbjOwn;', []),
    ('nothing exported', 'static int x;', 'int qbjOwn;', ['exports nothing']),
    ('a second export', 'int qemuRegister; int qbjOther;', 'int qbjOwn;', ['exports qbjOther, qemuRegister']),
    ('a name of libvirt.so', 'int qemuRegister;', 'int virStrdupSomething, virFileExists;', ['virFileExists is']),
]


def run_lint(lint, *arguments):
    done = subprocess.run(['/usr/bin/python3', '-B', f'{LINT}/{lint}.py', *arguments], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def lint_tree(lint, tree):
    with tempfile.TemporaryDirectory() as root:
        for path, text in tree.items():
            os.makedirs(os.path.dirname(f'{root}/{path}'), exist_ok=True)
            with open(f'{root}/{path}', 'w', encoding='utf-8') as f:
                f.write(text)
        return run_lint(lint, '--root', root)


def lint_module(module, layer):
    with tempfile.TemporaryDirectory() as folder:
        for name, text in (('module', module), ('layer', layer)):
            with open(f'{folder}/{name}.c', 'w', encoding='utf-8') as f:
                f.write(text + '\n')
        for command in (['cc', '-shared', '-fPIC', '-o', 'libvirt_driver_qemu.so', 'module.c'],
                        ['cc', '-c', '-fPIC', 'layer.c'], ['ar', 'rcs', 'libqbj_layer.a', 'layer.o']):
            subprocess.run(command, cwd=folder, check=True)
        return run_lint('exports', f'{folder}/libvirt_driver_qemu.so')


def judge(result, expected):
    status, output = result
    lines = output.splitlines()
    found = all(any(text in line for line in lines) for text in expected)
    return status == bool(expected) and found and (bool(lines) == bool(expected))


def results():
    for lint, name, tree, expected in CASES:
        tool = {'static': 'cppcheck', 'catalogue': 'xgettext'}.get(lint)
        if tool and not shutil.which(tool):
            yield f'{lint}: {name} # SKIP no {tool}', True, ''
            continue
        result = lint_tree(lint, tree)
        yield f'{lint}: {name}', judge(result, expected), result
    for name, module, layer, expected in EXPORT_CASES:
        result = lint_module(module, layer)
        yield f'exports: {name}', judge(result, expected), result


def main():
    print(f'1..{len(CASES) + len(EXPORT_CASES)}')
    failed = 0
    for number, (name, good, result) in enumerate(results(), 1):
        print(f'{"ok" if good else "not ok"} {number} - {name}')
        if not good:
            failed += 1
            print(f'# got {result}')
    return 1 if failed else 0


sys.exit(main())
