// Made from the records in workbench/*/records.py; do not edit.
// python -m workbench.interfaces.lab.schema extensions/ui/src/records.ts

/** Requests that one version answered of late. */
export interface AnswersGlance {
  version: number | null;
  minute: number;
  hour: number;
}

/** One person's yes or no, bound to the bytes of model, policy and data, and signed with their own key. */
export interface Approval {
  id: string;
  decision: 'approve' | 'reject';
  model: string;
  model_digest: string;
  policy: string;
  policy_digest: string;
  data: Array<string>;
  request: string;
  role: string;
  role_from: string;
  by: string;
  note: string;
  time: string;
  until: string | null;
  key: string;
  signature: string;
}

/** A candidate beside the champion, as it was when somebody asked for approval. */
export interface ApprovalRequest {
  id: string;
  model: string;
  model_digest: string;
  policy: string;
  policy_digest: string;
  by: string;
  note: string;
  time: string;
  verdict: Verdict;
  difference: Difference;
}

/** A file beside the artifact that says something of it to somebody without this product. */
export interface Attestation {
  kind: 'ml-bom' | 'in-toto' | 'signature';
  path: string;
  digest: string;
  key: string;
}

/** One audit and its options. */
export interface AuditHelp {
  name: string;
  summary: string;
  help: string;
  options: Array<Option>;
  json_schema: Record<string, unknown>;
}

/** One thing that was said of a version. */
export interface Basis {
  kind: 'evidence' | 'verdict' | 'approval';
  name: string;
  id: string;
  rests_on: Record<string, string>;
  since: string | null;
  until: string | null;
  stale: boolean;
  why: string;
  renew: string;
}

/** The first version that shows the failure. */
export interface BisectReport {
  incident: string;
  digest: string;
  model: string;
  failure: Failure;
  trials: Array<Trial>;
  first_bad: number | null;
  last_good: number | null;
  monotone: boolean;
  outcome: Outcome;
  sentence: string;
  changes: Array<string>;
  time: string;
}

/** A changed row that gets the wanted answer: the model was asked about exactly this row. */
export interface Candidate {
  changes: Array<Change>;
  columns_changed: number;
  distance: number;
  answer: unknown;
  score: number | null;
}

/** One column of a counterfactual. */
export interface Change {
  column: string;
  before: unknown;
  after: unknown;
}

/** One input column as the model expects it. */
export interface Column {
  name: string;
  type: 'double' | 'long' | 'string' | 'boolean';
  required: boolean;
  categories: Array<string> | null;
  low: number | null;
  high: number | null;
  integer: boolean;
}

/** The nearest changes found, fewest columns first. Without candidates: none was found in ``queries``. */
export interface Counterfactual {
  answer: unknown;
  wanted: unknown;
  candidates: Array<Candidate>;
  queries: number;
  held: Record<string, string>;
  notes: Array<string>;
}

/** What a registered version answers for one row, why, and the nearest change that gets another answer. */
export interface Decision {
  model: string;
  model_digest: string;
  target: string;
  answer: unknown;
  score: number | null;
  reasons: ReasonCodes;
  change: Counterfactual | null;
  notes: Array<string>;
  time: string;
  asked_by: string;
  code: string;
}

/** A candidate beside the champion. */
export interface Difference {
  candidate: string;
  champion: string;
  metrics: Array<MetricChange>;
  slices: Array<MetricChange>;
  slices_left_out: number;
  explanations: Array<MetricChange>;
  data: Array<string>;
  code: Array<string>;
  findings: Array<Finding>;
  waivers: Array<Waiver>;
  notes: Array<string>;
}

/** The last drill of an endpoint. */
export interface DrillGlance {
  outcome: Outcome;
  reason: string;
  time: string;
  first_seconds: number | null;
  last_seconds: number | null;
}

/** One endpoint. */
export interface EndpointGlance {
  name: string;
  champion: string;
  release: string;
  candidate: string;
  stage: string;
  weight: number;
  verdicts: Array<string>;
  standby: string;
  standby_loaded: boolean;
  gateway: string;
  ready: boolean;
  killed: boolean;
  breakers: Record<string, string>;
  lost: number;
  controller: string;
  answers: Array<AnswersGlance>;
  counted_since: string | null;
  whole_hour: boolean;
  drill: DrillGlance | null;
}

/** What one audit found about one model on one data set, with everything needed to do it again. */
export interface Evidence {
  audit: string;
  spec: Record<string, unknown>;
  outcome: Outcome;
  model_digest: string;
  data_digest: string;
  reference_digest: string;
  champion_digest: string;
  measurements: Array<Measurement>;
  figures: Array<Figure>;
  notes: Array<string>;
  error: string;
  libraries: Record<string, string>;
  made_by: string;
  started: string;
  seconds: number;
  seed: number;
  key: string;
  recalled: string | null;
}

/** The newest audit of a version. */
export interface EvidenceGlance {
  audits: Record<string, Outcome>;
  outcome: Outcome;
  rows: number;
  report: string;
  time: string;
}

/** One look at the evidence: what the picture over requests is drawn from. */
export interface EvidencePoint {
  n: number;
  log_e_worse: number;
  log_e_no_worse: number;
}

/** What one verdict of one step takes, if the candidate is like this. */
export interface Expected {
  metric: 'errors' | 'disagreement' | 'latency' | 'objective' | 'guardrail';
  group: string;
  verdict: 'worse' | 'good';
  when: string;
  expectation: number | null;
  median: number | null;
  minutes: number | null;
}

/** A predicate on a version: does it show the failure on the incident's rows? */
export interface Failure {
  kind: 'disagreement' | 'error' | 'metric';
  reference: number | null;
  metric: string;
  above: number | null;
  below: number | null;
}

/** A Vega-Lite spec with its data inside, and the sentence a screen reader says. */
export interface Figure {
  title: string;
  description: string;
  spec: Record<string, unknown>;
}

/** Something about a model that somebody must fix or answer for. */
export interface Finding {
  id: string;
  model: string;
  version: string;
  title: string;
  severity: 'low' | 'medium' | 'high' | 'critical';
  status: 'open' | 'accepted' | 'fixed';
  by: string;
  time: string;
  accepted_by: string;
  accepted_until: string | null;
  fixed_in: string;
  note: string;
}

/** A dry run: nothing was opened and nothing moved. */
export interface Forecast {
  endpoint: string;
  candidate: string;
  champion: string;
  plan: string;
  plan_digest: string;
  alpha: number;
  requests: number;
  per_minute: number;
  champion_bad: number;
  champion_n: number;
  steps: Array<StepForecast>;
  notes: Array<string>;
  time: string;
}

/** Everything said of a version under a policy, and whether it still holds. */
export interface Freshness {
  model: string;
  policy: string;
  bases: Array<Basis>;
  time: string;
}

/** Who did what when, from one journal entry. */
export interface HistoryLine {
  seq: number;
  time: string;
  actor: string;
  what: string;
}

/** Frozen exchanges with a digest: the same rows for everybody who looks into it. */
export interface Incident {
  id: string;
  title: string;
  endpoint: string;
  model: string;
  source: 'window' | 'alert' | 'rows';
  since: string | null;
  until: string | null;
  requests: number;
  rows: number;
  versions: Array<number>;
  digest: string;
  labelled: boolean;
  opened: string;
  opened_by: string;
  status: 'open' | 'explained' | 'closed';
  finding: string;
  notes: Array<string>;
  cases: Array<string>;
  redacted: Array<string>;
}

/** One incident. */
export interface IncidentGlance {
  id: string;
  title: string;
  model: string;
  status: string;
  requests: number;
  opened: string;
  finding: string;
}

/** An approval or rejection that no longer counts, and why. */
export interface Lapse {
  approval: Approval;
  why: string;
}

/** Where a version came from. Empty strings say "not known", never a guess. */
export interface Lineage {
  git_commit: string;
  git_dirty: boolean | null;
  git_diff: string;
  git_remote: string;
  data_digest: string;
  data_rows: number;
  data_columns: Array<TrainedColumn>;
  data_source: string;
  data_file: string;
  data_file_digest: string;
  data_notes: Array<string>;
  python: string;
  packages: Record<string, string>;
  environment: string;
  lock_file: string;
  lock_digest: string;
  parameters: Record<string, unknown>;
  parents: Array<Parent>;
}

/** A version as it stands now, beside the champion, and what people have said of it. */
export interface Matter {
  model: string;
  author: string;
  policy: string;
  asks: Record<string, number>;
  request: ApprovalRequest | null;
  since: Array<string>;
  verdict: Verdict;
  difference: Difference;
  freshness: Freshness;
  given: Array<Approval>;
  rejected: Array<Approval>;
  lapsed: Array<Lapse>;
  findings: Array<Finding>;
  powers: Powers;
  seen: string;
}

/** One number with its interval and n. ``value`` None: not computable, ``note`` says why. */
export interface Measurement {
  metric: string;
  slice: string;
  value: number | null;
  low: number | null;
  high: number | null;
  n: number;
  unit: string;
  outcome: Outcome;
  note: string;
}

/** One figure of both versions. */
export interface MetricChange {
  audit: string;
  metric: string;
  slice: string;
  unit: string;
  candidate: Side;
  champion: Side | null;
  difference: number | null;
  apart: boolean;
}

/** A version, what was found about it, who said yes, and what happened to it. */
export interface ModelCard {
  model: ModelVersion;
  evidence: Array<Evidence>;
  verdict: Verdict | null;
  freshness: Freshness | null;
  approvals: Array<Approval>;
  lapsed: Array<Lapse>;
  findings: Array<Finding>;
  waivers: Array<Waiver>;
  releases: Array<Release>;
  incidents: Array<Incident>;
  history: Array<HistoryLine>;
  statements: Array<Statement>;
  journal_size: number;
  journal_root: string;
  checkpoint: string;
  time: string;
}

/** One registered model. */
export interface ModelGlance {
  name: string;
  versions: Array<VersionGlance>;
}

/** One registered version: ``models:/name/version`` and the digest of its bytes. */
export interface ModelVersion {
  name: string;
  version: number;
  digest: string;
  run_id: string;
  artifact: string;
  flavor: string;
  format: string;
  task: 'classification' | 'regression';
  target: string;
  positive: unknown;
  classes: Array<unknown>;
  sensitive: Array<string>;
  columns: Array<Column>;
  input_example: Array<Record<string, unknown>>;
  author: string;
  created: string;
  lineage: Lineage;
  scan: Scan | null;
  program_by: string;
  source: string;
  attestations: Array<Attestation>;
  unsigned: string;
}

/** One option of an audit. */
export interface Option {
  name: string;
  type: string;
  default: unknown;
  help: string;
  input: 'integer' | 'number' | 'switch' | 'choice' | 'text' | 'list' | '';
  choices: Array<string>;
}

/** What came of measuring or judging. Could-not-measure is never a pass. */
export type Outcome = 'pass' | 'fail' | 'inconclusive' | 'error' | 'measured';

/** Everything the panel lists. */
export interface Overview {
  seq: number;
  models: Array<ModelGlance>;
  releases: Array<ReleaseGlance>;
  endpoints: Array<EndpointGlance>;
  incidents: Array<IncidentGlance>;
  refusals: Array<RefusalGlance>;
}

/** A registered version that another was made from. */
export interface Parent {
  ref: string;
  digest: string;
}

/** What one person may do. */
export interface Powers {
  person: string;
  roles: Array<Role>;
  refused: string;
  remedy: string;
  revocable: Array<string>;
  silent: boolean;
}

/** One column's part in one decision. */
export interface Reason {
  column: string;
  value: unknown;
  typical: unknown;
  contribution: number;
  share: number;
  text: string;
}

/** Why one row got its answer, as the model sees it: the strongest reasons first. */
export interface ReasonCodes {
  answer: unknown;
  about: string;
  unit: string;
  output: number;
  base: number;
  reasons: Array<Reason>;
  against: Array<Reason>;
  rest: number;
  additivity_gap: number;
  method: string;
  notes: Array<string>;
  seed: number;
}

/** Bytes that are not those that were approved, and were not let in. */
export interface RefusalGlance {
  by: 'release' | 'gateway';
  name: string;
  reason: string;
  answering: string;
  time: string | null;
}

/** A candidate on its way to champion. */
export interface Release {
  id: string;
  endpoint: string;
  candidate: string;
  candidate_digest: string;
  champion: string;
  plan: string;
  plan_digest: string;
  stages: Array<Stage>;
  stage: number;
  status: Status;
  weight: number;
  reason: string;
  verdicts: Array<StageVerdict>;
  opened: string;
  opened_by: string;
  stage_since: string;
  closed: string | null;
  sticky: string;
  approvals: Array<StageApproval>;
  revocations: Array<StageRevocation>;
}

/** Where one release stands. */
export interface ReleaseGlance {
  id: string;
  endpoint: string;
  candidate: string;
  champion: string;
  status: string;
  stage: string;
  step: number;
  steps: number;
  weight: number;
  reason: string;
}

/** One version's answers to the frozen rows. */
export interface ReplayColumn {
  version: number;
  label: string;
  n: number;
  errors: number;
  error: string;
  disagrees_with_recorded: number | null;
  disagrees_with_first: number | null;
  positive_rate: number | null;
  metrics: Array<Measurement>;
  latency_ms: number | null;
}

/** The same rows, scored on several versions. */
export interface ReplayReport {
  incident: string;
  digest: string;
  rows: number;
  columns: Array<ReplayColumn>;
  examples: Array<Record<string, unknown>>;
  time: string;
}

/** Every audit's evidence on one model and one data set. */
export interface Report {
  title: string;
  model: ModelVersion | null;
  subject: string;
  task: 'classification' | 'regression';
  target: string;
  positive: unknown;
  sensitive: Array<string>;
  data_digest: string;
  rows: number;
  evidence: Array<Evidence>;
  left_out: Record<string, string>;
  notes: Array<string>;
  scores: ScoreCounts | null;
  created: string;
  code: string;
}

/** Somebody takes an approval or a rejection back. */
export interface Revocation {
  approval: string;
  by: string;
  role_from: string;
  note: string;
  time: string;
  key: string;
  signature: string;
}

/** A role that somebody has. */
export interface Role {
  name: string;
  by: string;
}

/** One rule of the policy, judged. */
export interface RuleResult {
  rule: string;
  audit: string;
  metric: string;
  slice: string;
  bound: string;
  direction: 'at_least' | 'at_most' | '';
  value: number | null;
  limit: number | null;
  estimate: number | null;
  low: number | null;
  high: number | null;
  n: number | null;
  outcome: Outcome;
  reason: string;
  because: string;
  depth: number;
}

/** What an artifact holds, looked at before anything of it was opened. */
export interface Scan {
  digest: string;
  verdict: 'data' | 'program' | 'refused';
  files: Array<ScannedFile>;
  tripwire: string;
}

/** One file of an artifact as the scan saw it. */
export interface ScannedFile {
  path: string;
  format: string;
  size: number;
  digest: string;
  verdict: 'data' | 'program' | 'refused';
  reason: string;
  trusted: Array<string>;
}

/** Rows by slice, label and score bin: enough to move the threshold with no row at hand. */
export interface ScoreCounts {
  edges: Array<number>;
  slices: Array<string>;
  counts: Array<[Array<number>, Array<number>]>;
  threshold: number;
}

/** One version's figure. */
export interface Side {
  value: number | null;
  low: number | null;
  high: number | null;
  n: number;
}

/** One step of the plan, as it is walked. */
export interface Stage {
  name: string;
  kind: 'shadow' | 'canary' | 'blue_green' | 'ab' | 'champion';
  weight: number;
  min_requests: number;
  min_minutes: number;
  deadline_minutes: number;
  approvals: Record<string, number>;
  arms: [string, string] | null;
}

/** One person's yes to a release going on, bound to the bytes and the plan, signed with their own key. */
export interface StageApproval {
  release: string;
  stage: number;
  stage_name: string;
  model: string;
  model_digest: string;
  plan_digest: string;
  role: string;
  role_from: string;
  by: string;
  note: string;
  time: string;
  key: string;
  signature: string;
}

/** Somebody takes back a yes to a release going on, before the step is entered. */
export interface StageRevocation {
  release: string;
  stage: number;
  stage_name: string;
  word: number;
  by: string;
  role_from: string;
  note: string;
  time: string;
  key: string;
  signature: string;
}

/** What one metric says in one stage. */
export interface StageVerdict {
  stage: string;
  metric: 'errors' | 'disagreement' | 'latency' | 'objective' | 'guardrail';
  group: string;
  outcome: Outcome;
  sentence: string;
  alpha: number;
  margin: number;
  candidate_n: number;
  candidate_bad: number;
  champion_n: number;
  champion_bad: number;
  still_needed: number | null;
  points: Array<EvidencePoint>;
}

/** One thing said of a version that holds no longer. */
export interface Stale {
  kind: string;
  name: string;
  why: string;
  renew: string;
}

/** A field that only a person can fill. */
export interface Statement {
  title: string;
  question: string;
  text: string;
  by: string;
  time: string | null;
}

/** Where a release stands. All but the first two are final. */
export type Status = 'running' | 'paused' | 'promoted' | 'aborted' | 'rolled_back' | 'killed' | 'superseded';

/** One step of the plan. */
export interface StepForecast {
  name: string;
  kind: 'shadow' | 'canary' | 'blue_green' | 'ab' | 'champion';
  weight: number;
  min_requests: number;
  exposure_minutes: number | null;
  minutes: number | null;
  waits_for: string;
  deadline_minutes: number;
  late: boolean;
  expected: Array<Expected>;
}

/** One column of the training frame, the target and unread ones among them. */
export interface TrainedColumn {
  name: string;
  type: string;
  digest: string;
  missing: number;
}

/** One version tried by the bisection. */
export interface Trial {
  version: number;
  outcome: 'good' | 'bad' | 'untestable';
  value: number | null;
  reason: string;
}

/** What the policy says of one model's evidence, and which approvals it still asks for. */
export interface Verdict {
  model: string;
  model_digest: string;
  policy: string;
  policy_digest: string;
  outcome: Outcome;
  reason: string;
  rules: Array<RuleResult>;
  evidence: Array<string>;
  data: Array<string>;
  required_approvals: Record<string, number>;
  given_approvals: Record<string, Array<string>>;
  rejected_by: Array<string>;
  time: string;
}

/** The newest verdict on a version, with what people have said since. */
export interface VerdictGlance {
  outcome: Outcome;
  reason: string;
  policy: string;
  time: string;
  missing_approvals: Record<string, number>;
  approved_by: Array<string>;
  rejected_by: Array<string>;
  stale: boolean;
}

/** One version of a model. */
export interface VersionGlance {
  version: number;
  digest: string;
  target: string;
  sensitive: Array<string>;
  author: string;
  created: string;
  aliases: Array<string>;
  evidence: EvidenceGlance | null;
  verdict: VerdictGlance | null;
  stale: Array<Stale>;
  open_findings: Record<string, number>;
  release: string;
}

/** A person's word that a model may be kept as a program, until a day. */
export interface Waiver {
  id: string;
  kind: 'pickle';
  model: string;
  reason: string;
  until: string;
  by: string;
  time: string;
}
