export * from './RecordView';
export * from './context';
export * as format from './format';
export * from './panel/AuditForm';
export * from './panel/choices';
export * from './panel/PanelView';
export type * from './records';
