export const CommandIDs = {
  showPanel: 'workbench:show-panel',
  openRecord: 'workbench:open-record',
  insertCode: 'workbench:insert-code',
  chooseAudits: 'workbench:choose-audits',
  chooseCode: 'workbench:choose-code',
  newNotebook: 'workbench:new-notebook'
} as const;

/** The domain of the translations. */
export const DOMAIN = 'model_workbench';
