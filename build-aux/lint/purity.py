#!/usr/bin/env python3
"""core/ only computes: no I/O, no locks, no clock, no logging, no virReportError.

The compiler cannot refuse that, for libvirt's folders are reachable from every layer. So core/ has a list of the
libvirt headers that it may include, and a list of calls that it may not make.
"""
import re

import lintlib

CORE = 'src/qemu_blockjob/core'
# libvirt headers of data and text; system headers of the C library that do no I/O
ALLOWED = {
    'config.h', 'internal.h', 'domain_conf.h', 'snapshot_conf.h', 'storage_source_conf.h', 'virbitmap.h', 'virbuffer.h',
    'virenum.h',
    'virerror.h', 'virhash.h', 'virjson.h', 'virobject.h', 'virstring.h', 'viralloc.h', 'virutil.h', 'virxml.h',
    'virstoragefile.h', 'viruri.h', 'storage_file/storage_source.h', 'conf/domain_conf.h',
    'conf/storage_source_conf.h', 'cpu/cpu.h', 'stdint.h', 'stdbool.h',
    'stddef.h', 'string.h', 'limits.h', 'inttypes.h', 'glib.h', 'stdarg.h',
}
CALLS = re.compile(
    r'\b(virReport\w*Error|virReportError\w*|virReportOOMError|VIR_(?:DEBUG|INFO|WARN|ERROR|LOG_INIT)|VIR_LOCK_GUARD|'
    r'vir(?:Mutex|Cond|RWLock|Thread|File|Command|Process|Event|Time)[A-Z]\w*|virObject(?:Lock|RWLock)\w*|'
    r'virStorageSource(?:Access|Chown|Create|Deinit|FetchRelative|GetMetadata|Init|InitAs|Read|Stat|Unlink|Update)\w*|'
    r'g_(?:mutex|cond|rec_mutex|rw_lock|thread|file|mkdir|unlink|rename|get_real_time|get_monotonic_time|print|'
    r'printerr|message|warning|critical|debug|spawn|usleep|getenv|setenv)\w*|'
    r'f?open|fopen|creat|read|write|pread|pwrite|unlink|rename|stat|lstat|fstat|access|printf|fprintf|puts|perror|'
    r'time|clock_gettime|gettimeofday|sleep|usleep|getenv|setenv|rand|random|system|popen|fork|socket)\s*\(')
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*[<"]([^>"\n]+)[>"]', re.M)


def check(root):
    own = {path.rsplit('/', 1)[1] for path in lintlib.files(root, '.h', under='src')}
    for path in lintlib.files(root, '.c', '.h', under=CORE):
        text = lintlib.read(root, path)
        for match in INCLUDE.finditer(lintlib.without_comments(text)):
            if match.group(1) not in ALLOWED | own:
                yield f'{path}:{lintlib.line_of(text, match.start())}: core/ may not include {match.group(1)}'
        code = lintlib.code_only(text)
        for match in CALLS.finditer(code):
            yield f'{path}:{lintlib.line_of(code, match.start())}: core/ may not call {match.group(1)}'


lintlib.main(check)
