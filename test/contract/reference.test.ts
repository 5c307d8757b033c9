import { openReferenceStore } from './reference.ts';
import { describeVectorStore } from './suite.ts';

describeVectorStore('the reference store', openReferenceStore);
