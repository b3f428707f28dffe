export * from './RecordView';
export * from './context';
export * as format from './format';
export * from './panel/PanelView';
export type * from './records';
