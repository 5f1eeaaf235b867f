// What the program takes of commander. The build makes one file of it (docs/decisions/0018-what-a-start-loads.md).
export { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
