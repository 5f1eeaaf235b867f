// What the program takes of zod. The build makes one file of it (docs/decisions/0018-what-a-start-loads.md).

export type { infer, ZodMiniType } from 'zod/mini';
export {
  array,
  boolean,
  enum,
  int,
  iso,
  length,
  literal,
  maximum,
  maxLength,
  minimum,
  minLength,
  nullable,
  number,
  object,
  omit,
  optional,
  record,
  regex,
  strictObject,
  string,
  union,
} from 'zod/mini';
