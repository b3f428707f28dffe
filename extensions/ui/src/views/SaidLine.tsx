import * as React from 'react';
import { useLanguage } from '../context';
import { moment } from '../format';
import { Chip } from '../parts/Chip';
import type { Approval } from '../records';

/** One person's yes or no: who, as what, until when, why, and with which key it is signed. */
export function SaidLine(props: { approval: Approval }) {
  const trans = useLanguage();
  const { approval } = props;
  const approves = approval.decision === 'approve';
  const parts = [
    moment(approval.time),
    approval.until && trans.__('until %1', approval.until.slice(0, 10)),
    approval.key && trans.__('signed with %1', approval.key.split('+')[1])
  ];
  return (
    <>
      <Chip
        outcome={approves ? 'pass' : 'fail'}
        word={approves ? trans.__('approved') : trans.__('rejected')}
      />{' '}
      <b>{approval.by}</b> {trans.__('as %1: “%2”', approval.role, approval.note)}{' '}
      <small className="wb-Muted">{parts.filter(Boolean).join(' · ')}</small>
    </>
  );
}
