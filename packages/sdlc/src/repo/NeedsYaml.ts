/** Thrown by the small build of the tool, which leaves the `yaml` package out, when a file needs the whole of YAML. */
export class NeedsYaml extends Error {}
