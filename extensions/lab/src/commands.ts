export const CommandIDs = {
  showPanel: 'workbench:show-panel',
  openRecord: 'workbench:open-record',
  insertCode: 'workbench:insert-code',
  chooseAudits: 'workbench:choose-audits',
  requestApproval: 'workbench:request-approval',
  decide: 'workbench:decide',
  chooseCode: 'workbench:choose-code',
  newNotebook: 'workbench:new-notebook'
} as const;

/** The domain of the translations. */
export const DOMAIN = 'model_workbench';
