#!/usr/bin/env python3
"""Every call that a client can make asks whether that client may: the table of callbacks against the functions
behind it.

Each function must name the virXxxEnsureACL of its own callback, directly or through a function of this folder that it
calls (which may get the check as an argument), and the check must stand before anything is changed or told.
"""
import os
import re
import sys

API = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'src', 'qemu_blockjob', 'api')
TABLE = 'qbjApiHypervisorDriver'

# Nothing is told or changed by these; libvirt's access manager has no check for them.
NO_CHECK = {'connectURIProbe', 'connectClose', 'connectIsEncrypted', 'connectIsSecure', 'connectIsAlive'}
# An old entry point that is another one with fixed flags: the check of that one, which asks for the same or for more.
SAME_AS = {
    'domainDefineXML': 'domainDefineXMLFlags',
    'domainUndefine': 'domainUndefineFlags',
    'domainCreate': 'domainCreateWithFlags',
    'domainDestroy': 'domainDestroyFlags',
    'domainShutdown': 'domainShutdownFlags',
    'domainGetMaxVcpus': 'domainGetVcpusFlags',
    'domainAttachDevice': 'domainAttachDeviceFlags',
    'domainDetachDevice': 'domainDetachDeviceFlags',
}
# A list shows each domain only to those who may see it.
FILTERED = {'connectListDomains', 'connectNumOfDomains', 'connectListDefinedDomains', 'connectNumOfDefinedDomains',
            'connectListAllDomains', 'connectGetAllDomainStats'}
PREFIXES = ('connect', 'domain', 'node')
FUNCTION = re.compile(r'^(?:static )?[\w *]+?\n(\w+)\(([^{};]*)\)\n\{\n(.*?)^\}', re.M | re.S)
CHECK = re.compile(r'\b(vir\w+?)EnsureACL\b')


def bodies(texts):
    """Name of each function -> its text."""
    found = {}
    for text in texts:
        text = re.sub(r'/\*.*?\*/', '', text, flags=re.S)
        for name, _, body in FUNCTION.findall(text):
            found[name] = body
    return found


def callbacks(text):
    table = re.search(TABLE + r' = \{(.*?)^\};', text, re.M | re.S)
    return dict(re.findall(r'^\s*\.(\w+) = (\w+),', table.group(1), re.M)) if table else {}


def wanted(callback):
    """connectListDomains -> virConnectListDomains; nodeGetInfo -> virNodeGetInfo"""
    return 'vir' + callback[0].upper() + callback[1:]


def stem(name):
    """connectDomainEventRegister and virConnectDomainEventRegister are one, whatever libvirt's capitals are."""
    return name.lower()


def checks(name, functions, depth=1):
    """Names of all checks that a function makes, those of the functions of this folder that it calls included."""
    body = functions.get(name, '')
    found = [check + 'EnsureACL' for check in CHECK.findall(body)]
    if depth:
        for called in re.findall(r'\b(qbjApi\w+)\(', body):
            if called != name:
                found += checks(called, functions, depth - 1)
    return found


def refused_first(name, functions):
    """A function that makes its check itself does nothing that counts before it."""
    body = functions[name]
    place = re.search(r'EnsureACL\b', body)
    early = body[:place.start()] if place else ''
    return not re.search(r'\b(qbjEngine(?!RequestSpeed)\w+|qbjVmSt\w+|qbjDomainQmp\w+|virDomainObjBeginJob|'
                         r'virDomainObjListAdd|qbjVmCaps(?!Get\b)\w+|virDomainDefFormat)\(', early)


def problems(table, functions):
    for callback, function in sorted(table.items()):
        if callback == 'name' or callback in NO_CHECK:
            continue
        if function not in functions:
            yield '%s: %s() was not found' % (callback, function)
            continue
        made = checks(function, functions)
        expected = wanted(SAME_AS.get(callback, callback)) + 'EnsureACL'
        if stem(expected) not in map(stem, made):
            yield '%s: %s() checks %s, not %s' % (callback, function, ' and '.join(made) or 'nothing', expected)
        elif len(set(map(stem, made))) > 1:
            yield '%s: %s() makes several checks: %s' % (callback, function, ' '.join(sorted(set(made))))
        elif not refused_first(function, functions):
            yield '%s: %s() does something before its check' % (callback, function)
        if callback in FILTERED and wanted(callback) + 'CheckACL' not in functions[function]:
            yield '%s: %s() does not filter the domains' % (callback, function)


def main():
    texts = {}
    for file in sorted(os.listdir(API)):
        if file.endswith('.c'):
            with open(os.path.join(API, file), encoding='utf-8') as f:
                texts[file] = f.read()
    table, functions = callbacks(texts['api_table.c']), bodies(texts.values())
    results = [('the table was read', len(table) > 50)]
    found = list(problems(table, functions))
    results.append(('each of %d callbacks makes its check' % (len(table) - 1 - len(NO_CHECK & set(table))), not found))

    # can this fail?
    broken = {name: body.replace('virDomainBlockCommitEnsureACL', 'virDomainBlockPullEnsureACL')
              for name, body in functions.items()}
    results.append(('a check of another call is seen', len(list(problems(table, broken))) == len(found) + 1))
    broken = dict(functions, qbjApiSuspend='    return qbjApiModify(domain, NULL, qbjApiSuspendNow);\n')
    results.append(('a missing check is seen', len(list(problems(table, broken))) == len(found) + 1))
    broken = dict(functions, qbjApiListAllDomains=functions['qbjApiListAllDomains'].replace('CheckACL', ''))
    results.append(('a missing filter is seen', len(list(problems(table, broken))) == len(found) + 1))
    broken = dict(functions, qbjApiBlockCommit='virDomainObjBeginJob(vm, 1);\n' + functions['qbjApiBlockCommit'])
    results.append(('a late check is seen', len(list(problems(table, broken))) == len(found) + 1))

    print('1..%d' % len(results))
    for number, (what, good) in enumerate(results, 1):
        print('%sok %d - %s' % ('' if good else 'not ', number, what))
    for line in found:
        print('# ' + line)
    return 0 if all(good for _, good in results) else 1


if __name__ == '__main__':
    sys.exit(main())
