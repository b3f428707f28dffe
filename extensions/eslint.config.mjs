import js from '@eslint/js';
import jupyterPlugin from '@jupyter/eslint-plugin';
import { defineConfig } from 'eslint/config';
import reactHooks from 'eslint-plugin-react-hooks';
import globals from 'globals';
import tseslint from 'typescript-eslint';

export default defineConfig([
  {
    ignores: [
      '**/lib',
      '**/node_modules',
      '**/*.js',
      '**/*.mjs',
      '**/*.d.ts',
      '**/*.spec.ts',
      '**/*.spec.tsx',
      '**/testing'
    ]
  },
  js.configs.recommended,
  tseslint.configs.recommended,
  { plugins: { jupyter: jupyterPlugin } },
  jupyterPlugin.configs.recommended,
  reactHooks.configs['recommended-latest'],
  // A notebook is drawn at start, so the components are needed at once.
  { rules: { 'jupyter/prefer-lazy-imports': 'off' } },
  {
    files: ['**/*.ts', '**/*.tsx'],
    languageOptions: {
      globals: globals.browser,
      parserOptions: {
        projectService: true,
        tsconfigRootDir: import.meta.dirname
      }
    }
  }
]);
