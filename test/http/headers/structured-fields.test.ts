import { expect, it } from 'vitest'
import { parseByteDictionary, parseItem } from '../../../src/http/headers/structured-fields.ts'

it.each([
  ['?0', false],
  ['?1', true],
  ['  ?1 ', true],
  ['0', 0],
  ['8', 8],
  ['-12', -12],
  ['007', 7],
  ['999999999999999', 999_999_999_999_999],
  ['?1;a', true],
  ['5; a=1;b=?0; *c-.=1.5;d="x\\"y";e=tok/en;f=:YQ==:;g=@12;h=%"f%c3%bc"', 5],
])('parseItem reads %j', (text, value) => {
  expect(parseItem(text)).toBe(value)
})

it.each([
  '',
  '?',
  '?2',
  '?01',
  '? 1',
  '?true',
  'true',
  '1.0',
  '+1',
  '--1',
  '1e3',
  '0x10',
  '1000000000000000',
  '?1, ?1',
  '8, 8',
  '8 9',
  '"8"',
  '(8)',
  '\t8',
  '?1;',
  '?1;A',
  '?1;a=',
  '?1 ;a',
])('parseItem returns undefined for %j', (text) => {
  expect(parseItem(text)).toBeUndefined()
})

it.each([
  ['a=:YQ==:', [['a', 'YQ==']]],
  [
    'a=:YQ==:;p;d=@12;s=%"f%c3%bc" ,\tb=::',
    [
      ['a', 'YQ=='],
      ['b', ''],
    ],
  ],
  ['a=:YQ==:, a=:Yg==:', [['a', 'Yg==']]],
])('parseByteDictionary reads %j', (text, members) => {
  expect([...(parseByteDictionary(text) ?? [])]).toEqual(members)
})

it.each(['', 'a', 'a=1', 'a=:YQ==:,', 'a=:YQ==: b=:Yg==:', 'A=:YQ==:', 'a=:Y Q:'])(
  'parseByteDictionary returns undefined for %j',
  (text) => {
    expect(parseByteDictionary(text)).toBeUndefined()
  },
)
